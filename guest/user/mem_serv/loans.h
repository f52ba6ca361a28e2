/* SPDX-License-Identifier: MIT
 *
 * What the memory server has given out.  A loan is charged until its memory comes back.
 */
#ifndef MEM_SERV_LOANS_H
#define MEM_SERV_LOANS_H

#include <barrelfish_kpi/types.h>
#include <services/account.h>

struct loan {
    struct loan *next, *before;  /* of its list */
    struct loan *next_in_bucket; /* of all loans */
    struct loan_list *list;      /* NULL: not made yet */
    genpaddr_t base;
    struct account *account;
    uint8_t bits;
};

struct loan_list {
    struct loan *first, *last;
};

/* Charged, but not made.  NULL: *err says why; the account's refusal, LIB_ERR_MALLOC_FAIL. */
struct loan *loan_new(struct account *account, uint8_t bits, errval_t *err);
/* It is the memory at `base`, and is in a list. */
void loan_made(struct loan *loan, genpaddr_t base, struct loan_list *list);
/* At the end of another list. */
void loan_move(struct loan *loan, struct loan_list *list);
/* NULL: there is none of these bytes. */
struct loan *loan_find(genpaddr_t base, uint8_t bits);
/* It has come back, or was not made after all. */
void loan_free(struct loan *loan);

/* Pages in 2^bits bytes; 0 if there is no such block. */
uint32_t loan_pages(uint8_t bits);

/* Bytes of all that were made. */
gensize_t loans_bytes(void);

#endif
