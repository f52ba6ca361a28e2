/* SPDX-License-Identifier: MIT
 *
 * Inside the Prolog engine: how terms, clauses and the state of a query lie in memory.
 *
 * A term is a cell: a tag in the low three bits, and what it names above them.  Cells of a query
 * lie in one array, the heap; a variable is a cell that refers to itself, a structure a functor
 * cell followed by its arguments.  There is no collector: the heap shrinks on backtracking and is
 * empty after the query.  Errors leave by longjmp() to the loop of machine.c; whatever is allocated
 * on the way belongs to the engine, so nothing leaks.
 */
#ifndef PROLOG_PRIV_H
#define PROLOG_PRIV_H

#include <prolog/prolog.h>
#include <setjmp.h>

typedef uint64_t cell_t;

enum tag {
    TAG_REF,     /* heap index; to itself: unbound */
    TAG_ATOM,    /* index of atoms */
    TAG_INT,     /* 61 bits, signed */
    TAG_STRING,  /* index of atoms */
    TAG_STRUCT,  /* heap index of a functor cell */
    TAG_FUNCTOR, /* atom << 8 | arity */
    TAG_SLOT,    /* in stored terms: number of a variable */
    TAG_CONTROL, /* in continuations: enum control_goal | choice << 8 */
};

#define MAX_ARITY 255
#define TERM_DEPTH 200  /* nesting outside last arguments; bounds the C stack */
#define PARSE_DEPTH 100 /* the same for text */
#define MAX_VARIABLES 256
#define INT_MAX_VALUE ((int64_t)0x0fffffffffffffff)
#define INT_MIN_VALUE (-INT_MAX_VALUE - 1)
#define LIST_LENGTH_MAX 0x100000

static inline enum tag tag_of(cell_t cell)
{
    return (enum tag)(cell & 7);
}

static inline uint64_t value_of(cell_t cell)
{
    return cell >> 3;
}

static inline cell_t make_cell(enum tag tag, uint64_t value)
{
    return value << 3 | tag;
}

static inline cell_t make_int(int64_t value)
{
    return (uint64_t)value << 3 | TAG_INT;
}

static inline int64_t int_of(cell_t cell)
{
    return (int64_t)cell >> 3;
}

static inline cell_t make_functor(uint32_t atom, unsigned arity)
{
    return make_cell(TAG_FUNCTOR, (uint64_t)atom << 8 | arity);
}

static inline unsigned arity_of(cell_t functor)
{
    return (unsigned)(value_of(functor) & 255);
}

static inline uint32_t name_of(cell_t functor)
{
    return (uint32_t)(value_of(functor) >> 8);
}

/* ---- texts ---- */

struct atom {
    uint32_t next; /* in its chain, or of the free ones */
    uint32_t refs; /* from clauses, predicates and the engine itself */
    uint32_t hash, length;
    bool young; /* in the list of those that may go when the query ends */
    char text[];
};

/* Atoms that the C sources name: A(identifier, text). */
#define ATOMS(A)                                    \
    A(NIL, "[]")                                    \
    A(DOT, ".")                                     \
    A(BRACES, "{}")                                 \
    A(COMMA, ",")                                   \
    A(SEMICOLON, ";")                               \
    A(BAR, "|")                                     \
    A(ARROW, "->")                                  \
    A(SOFT_ARROW, "*->")                            \
    A(NECK, ":-")                                   \
    A(NOT, "\\+")                                   \
    A(TRUE, "true")                                 \
    A(FALSE, "false")                               \
    A(MINUS, "-")                                   \
    A(PLUS, "+")                                    \
    A(SLASH, "/")                                   \
    A(EQUALS, "=")                                  \
    A(LESS, "<")                                    \
    A(GREATER, ">")                                 \
    A(VAR, "$VAR")                                  \
    A(ERROR, "error")                               \
    A(ATOM, "atom")                                 \
    A(EMPTY, "")                                    \
    A(CALL, "call")                                 \
    A(CUT, "!")                                     \
    A(TYPE_ERROR, "type_error")                     \
    A(DOMAIN_ERROR, "domain_error")                 \
    A(INSTANTIATION, "instantiation_error")         \
    A(EXISTENCE_ERROR, "existence_error")           \
    A(PERMISSION_ERROR, "permission_error")         \
    A(REPRESENTATION_ERROR, "representation_error") \
    A(EVALUATION_ERROR, "evaluation_error")         \
    A(RESOURCE_ERROR, "resource_error")             \
    A(FORMAT, "format")                             \
    A(PROCEDURE, "procedure")                       \
    A(EVALUABLE, "evaluable")                       \
    A(DYNAMIC, "dynamic")

#define ATOM_ENUM(id, text) ATOM_##id,
enum { ATOMS(ATOM_ENUM) ATOM_FIRST_FREE };

/* ---- clauses ---- */

/* A term outside the heap: structures by index into `cell`, variables by number. */
struct stored {
    uint32_t cells, slots;
    cell_t root;
    cell_t cell[];
};

struct predicate;

struct clause {
    struct clause *next;       /* of its predicate, in order */
    struct clause *next_owned; /* all clauses of the engine, in no order */
    struct predicate *predicate;
    void *owner;
    cell_t key;          /* of the first argument; 0: a variable, or no argument */
    uint32_t born, died; /* generations between which it can be seen */
    uint32_t id;         /* in the engine's table */
    size_t bytes;
    cell_t head, body; /* in `term`; body of a fact: true */
    struct stored *term;
};

typedef bool builtin_fn(struct prolog *p, const cell_t *args);

struct predicate {
    struct predicate *next; /* in its chain */
    cell_t functor;
    void *owner; /* who made it and pays for it; NULL: nobody */
    builtin_fn *builtin;
    unsigned control; /* enum control, 0: none */
    bool fixed;       /* of the engine: cannot be changed */
    bool dead;        /* has clauses to be taken out */
    bool declared;    /* dynamic, by nobody's goal: there with or without clauses */
    struct clause *first, *last;
};

/* ---- a query ---- */

enum choice_kind {
    CHOICE_CLAUSES,
    CHOICE_COUNT,
    CHOICE_GOAL,
    CHOICE_FINDALL,
    CHOICE_CATCH,
    CHOICE_NONE
};

struct choice {
    enum choice_kind kind;
    uint32_t trail, top, results; /* to what the query returns */
    uint32_t frame, cut;          /* where it goes on */
    uint32_t depth;
    uint32_t generation;
    cell_t goal;         /* called, or the findall/3 or catch/3 that waits */
    struct clause *next; /* CLAUSES: to be tried */
    int64_t count;       /* COUNT: the next number */
};

enum control_goal { GOAL_CUT = 1, GOAL_SOFT_CUT, GOAL_COLLECT, GOAL_LEAVE, GOAL_FAIL };

/* A continuation: cell[0] the goal, cell[1] next | cut << 24 | depth << 44. */
#define FRAME_CELLS 2

#define PREDICATE_CHAINS 256
#define ATOM_CHAINS 1024
#define ERROR_BYTES 256

struct named_variable {
    uint32_t atom;
    cell_t cell;
};

struct prolog {
    struct prolog_config config;

    struct atom **atom;
    uint32_t atoms, atoms_allocated, atom_free;
    uint32_t atom_chain[ATOM_CHAINS];
    uint32_t *young; /* may go when the query ends */
    uint32_t young_count, young_allocated;

    struct predicate *chain[PREDICATE_CHAINS];
    struct clause *owned;
    struct clause **clause; /* by id */
    uint32_t clauses_allocated, clause_next;
    uint32_t generation;
    size_t stored;
    bool loading; /* the engine's own library */
    bool dying;   /* some predicate has dead clauses */

    cell_t *heap;
    uint32_t top, heap_limit;
    uint32_t *trail;
    uint32_t trail_top;
    struct choice *choice;
    uint32_t choices;
    cell_t *results; /* of findall/3 that are under way, and scratch above */
    uint32_t results_top;

    void *owner;
    cell_t goal, current; /* to be called; being called, a functor or atom */
    uint32_t frame, cut, depth;
    bool open, started;
    enum prolog_answer answer; /* of what ran last */
    uint64_t steps;
    jmp_buf escape;
    bool fatal;
    cell_t ball; /* of throw/1, in the results' scratch */
    struct named_variable variable[MAX_VARIABLES];
    unsigned variables;

    char *output;
    uint32_t output_length;
    char error[ERROR_BYTES];
};

/* atoms.c */
uint32_t pl_intern(struct prolog *p, const char *text, size_t length);
uint32_t pl_intern_text(struct prolog *p, const char *text);
const char *pl_text(const struct prolog *p, uint32_t atom);
void pl_atom_keep(struct prolog *p, uint32_t atom);
void pl_atom_drop(struct prolog *p, uint32_t atom);
void pl_atoms_sweep(struct prolog *p);

/* term.c */
void pl_work(struct prolog *p, uint64_t steps);
cell_t pl_deref(const struct prolog *p, cell_t cell);
uint32_t pl_cells(struct prolog *p, uint32_t count);
cell_t pl_variable(struct prolog *p);
void pl_bind(struct prolog *p, uint32_t variable, cell_t value);
bool pl_unify(struct prolog *p, cell_t a, cell_t b);
int pl_compare(struct prolog *p, cell_t a, cell_t b);
cell_t pl_structure(struct prolog *p, uint32_t atom, unsigned arity, const cell_t *args);
cell_t pl_structure_1(struct prolog *p, uint32_t atom, cell_t arg);
cell_t pl_structure_2(struct prolog *p, uint32_t atom, cell_t first, cell_t second);
cell_t pl_list(struct prolog *p, const cell_t *item, size_t count, cell_t tail);
cell_t pl_arg(const struct prolog *p, cell_t structure, unsigned number);
cell_t pl_functor(const struct prolog *p, cell_t structure);
bool pl_is(const struct prolog *p, cell_t cell, uint32_t atom, unsigned arity);
bool pl_is_callable(cell_t cell);
bool pl_list_items(struct prolog *p, cell_t list, cell_t *items, size_t room, size_t *count);
cell_t *pl_scratch(struct prolog *p, size_t *room);
void pl_term_variables(struct prolog *p, cell_t term, cell_t *found, size_t room, size_t *count);

/* errors.c */
void __attribute__((noreturn)) pl_fatal(struct prolog *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void __attribute__((noreturn)) pl_resource(struct prolog *p, const char *what, uint64_t bound);
void __attribute__((noreturn)) pl_throw(struct prolog *p, cell_t ball);
void __attribute__((noreturn)) pl_throw_error(struct prolog *p, cell_t formal);
void __attribute__((noreturn)) pl_type_error(struct prolog *p, const char *type, cell_t culprit);
void __attribute__((noreturn))
pl_domain_error(struct prolog *p, const char *domain, cell_t culprit);
void __attribute__((noreturn)) pl_instantiation_error(struct prolog *p);
cell_t pl_indicator(struct prolog *p, cell_t functor);
int64_t pl_integer(struct prolog *p, cell_t cell);

/* store.c */
uint32_t pl_flatten(struct prolog *p, cell_t term, cell_t *cells, size_t room, uint32_t *slots,
                    cell_t *root);
cell_t pl_thaw(struct prolog *p, const cell_t *cells, cell_t root, uint32_t variables);
bool pl_unify_stored(struct prolog *p, const cell_t *cells, cell_t stored, cell_t term,
                     uint32_t variables);
uint32_t pl_variables(struct prolog *p, uint32_t count);
cell_t pl_copy(struct prolog *p, cell_t term);

/* database.c */
struct predicate *pl_find(const struct prolog *p, cell_t functor);
struct predicate *pl_predicate(struct prolog *p, cell_t functor);
void pl_add_clause(struct prolog *p, cell_t term, bool at_front);
bool pl_erase(struct prolog *p, struct clause *clause);
void pl_bury(struct prolog *p);
struct clause *pl_visible(struct prolog *p, struct clause *from, cell_t key, uint32_t generation);
cell_t pl_key(const struct prolog *p, cell_t first_argument);
void pl_declare_dynamic(struct prolog *p, cell_t indicators);
struct predicate *pl_changeable(struct prolog *p, cell_t functor, const char *action);

/* lex.c, parse.c */
struct token {
    enum {
        TOKEN_END_OF_TEXT,
        TOKEN_END, /* the full stop */
        TOKEN_ATOM,
        TOKEN_QUOTED,
        TOKEN_VARIABLE,
        TOKEN_INTEGER,
        TOKEN_STRING,
        TOKEN_CODES,
        TOKEN_PUNCTUATION, /* ( ) [ ] { } , | */
        TOKEN_CALL,        /* "(" directly behind a name */
    } kind;
    uint32_t atom; /* or the punctuation's character */
    int64_t integer;
    size_t at;   /* offset in the text */
    bool layout; /* blanks before it */
};

struct reader {
    struct prolog *p;
    const char *text;
    size_t at; /* of the next token */
    struct token token;
    unsigned depth;
};

void __attribute__((noreturn)) pl_syntax_error(struct reader *r, size_t at, const char *what);
void pl_next_token(struct reader *r);
void pl_reader_init(struct reader *r, struct prolog *p, const char *text);
/* The next term that ends with a full stop; false at the end of the text. */
bool pl_read_term(struct reader *r, cell_t *term);
/* A term without one (a full stop is allowed). */
cell_t pl_read_query(struct reader *r);
bool pl_parse_integer(const char *text, size_t length, int64_t *value);

enum operator_type { OP_XFX, OP_XFY, OP_YFX, OP_FY, OP_FX };
struct pl_op {
    const char *name;
    unsigned priority;
    enum operator_type type;
};
const struct pl_op *pl_operator(const char *name, bool prefix);

/* write.c, format.c */
void pl_emit(struct prolog *p, const char *text, size_t length);
void pl_emit_code(struct prolog *p, uint32_t code);
#define WRITE_QUOTED 1u
#define WRITE_NUMBERED 2u  /* '$VAR'(N) as a letter */
#define WRITE_CANONICAL 4u /* no operators */
void pl_write(struct prolog *p, cell_t term, unsigned flags);
void pl_number_variables(struct prolog *p, cell_t term, int64_t *number);
void pl_format(struct prolog *p, cell_t format, cell_t args);

size_t pl_put_code(char *to, uint32_t code); /* at most 4 bytes */
size_t pl_get_code(const char *text, size_t length, uint32_t *code);

/* text.c */
/* Text of an atom, string, number, or list of codes or characters; in the engine's scratch. */
bool pl_text_of(struct prolog *p, cell_t cell, const char **text, size_t *length);

/* arith.c */
int64_t pl_eval(struct prolog *p, cell_t expression);

/* machine.c */
bool pl_run(struct prolog *p);
bool pl_caught(struct prolog *p);

/* Control constructs, handled by the machine itself. */
enum control {
    CONTROL_NONE,
    CONTROL_AND,
    CONTROL_OR,
    CONTROL_IF,
    CONTROL_SOFT_IF,
    CONTROL_NOT,
    CONTROL_CUT,
    CONTROL_CALL,
    CONTROL_FINDALL,
    CONTROL_CATCH,
    CONTROL_COUNT,
};

/* builtins*.c: each adds its rows. */
struct builtin {
    const char *name;
    unsigned arity;
    builtin_fn *function;
};
extern const struct builtin pl_type_builtins[], pl_term_builtins[], pl_text_builtins[],
    pl_store_builtins[], pl_list_builtins[], pl_arith_builtins[];

/* library.c */
extern const char *const pl_library;

#endif
