#include <math.h>
#include <stdio.h>

int twice(int n);

int main(int argc, char *argv[])
{
    printf("%s: %d, root %d\n", argv[0], twice(START), (int)sqrt(argc * 16));
    return 0;
}
