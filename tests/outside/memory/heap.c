#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 200

int main(void)
{
    static char *blocks[BLOCKS];
    unsigned seed = 1;

    for (int round = 0; round < 2000; round++) {
        seed = seed * 1103515245 + 12345;
        int i = seed / 65536 % BLOCKS;
        size_t bytes = 1 + seed / 7 % 5000;
        if (blocks[i] == NULL) {
            blocks[i] = malloc(bytes);
            if (blocks[i] == NULL)
                return 1;
            memset(blocks[i], i, bytes);
            blocks[i][0] = (char)i;
        } else {
            if (blocks[i][0] != (char)i)
                return 2;
            free(blocks[i]);
            blocks[i] = NULL;
        }
    }
    char *big = calloc(1, 3 << 20);
    if (big == NULL || big[(3 << 20) - 1] != 0)
        return 3;
    big = realloc(big, 100);
    free(big);
    char *s = strdup("twice");
    printf("mem_heap: passed %s\n", s);
    return 0;
}
