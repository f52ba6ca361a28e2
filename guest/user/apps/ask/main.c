/* SPDX-License-Identifier: MIT
 *
 * ask [await] GOAL: asks the system knowledge base what its arguments say, and prints what the goal
 * wrote.  Ends with 0 if there is a solution, 1 if there is none, 2 after an error.  With the word
 * "await" it asks again every 10 ms until there is a solution: others may still add facts.
 */
#include <barrelfish/barrelfish.h>
#include <skb/skb.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    char goal[SKB_GOAL_BYTES] = "";
    size_t length = 0;
    const bool await = argc > 1 && strcmp(argv[1], "await") == 0;
    for (int i = await ? 2 : 1; i < argc; i++) {
        length += (size_t)snprintf(goal + length, sizeof(goal) - length, "%s ", argv[i]);
        if (length >= sizeof(goal))
            return 2;
    }
    errval_t err = skb_execute(goal);
    while (await && err_no(err) == SKB_ERR_GOAL_FAILURE) {
        barrelfish_usleep(10000);
        err = skb_execute(goal);
    }
    if (skb_get_output()[0] != '\0')
        printf("%s\n", skb_get_output());
    if (err_no(err) == SKB_ERR_GOAL_FAILURE)
        printf("no\n");
    else if (err_no(err) == SKB_ERR_RUN)
        printf("error: %s\n", skb_get_error_output());
    else if (err_is_fail(err))
        DEBUG_ERR(err, "asking");
    return skb_read_error_code();
}
