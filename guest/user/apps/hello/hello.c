/* SPDX-License-Identifier: MIT
 *
 * hello: the simplest domain there is (overview 2.2.1).
 */
#include <stdio.h>

int main(void)
{
    printf("Hello World\n");
    return 0;
}
