// Public headers and generated stubs in C++, with static objects, new and virtual functions.
#include <stdio.h>

#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/outcxx_defs.h>

class shape
{
public:
    virtual ~shape()
    {
    }
    virtual int area() const = 0;
};

class square : public shape
{
    int side;

public:
    explicit square(int side) : side(side)
    {
    }
    int area() const override
    {
        return side * side;
    }
};

struct announcer {
    announcer()
    {
        printf("cxx: constructed before main\n");
    }
    ~announcer()
    {
        printf("cxx: destroyed at exit\n");
    }
};

static announcer one;
static uint64_t received;

static void rx_number(struct outcxx_binding *, uint64_t n)
{
    received = n;
}

static errval_t connected(void *, struct outcxx_binding *b)
{
    b->rx_vtbl.number = rx_number;
    return SYS_ERR_OK;
}

static void bound(void *, errval_t err, struct outcxx_binding *b)
{
    if (err_is_ok(err)) {
        err = outcxx_number__tx(b, NOP_CONT, 42);
    }
    if (err_is_fail(err)) {
        USER_PANIC_ERR(err, "binding");
    }
}

static void exported(void *, errval_t err, iref_t iref)
{
    if (err_is_ok(err)) {
        err = outcxx_bind(iref, bound, nullptr, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    }
    if (err_is_fail(err)) {
        USER_PANIC_ERR(err, "exporting");
    }
}

int main()
{
    shape *shapes[] = { new square(3), new square(4) };
    struct capref frame;
    size_t bytes;
    void *memory;

    errval_t err = frame_alloc(&frame, BASE_PAGE_SIZE, &bytes);
    if (err_is_ok(err)) {
        err = vspace_map_one_frame(&memory, bytes, frame, nullptr, nullptr);
    }
    if (err_is_ok(err)) {
        err = outcxx_export(nullptr, exported, connected, get_default_waitset(),
                            IDC_EXPORT_FLAGS_DEFAULT);
    }
    while (err_is_ok(err) && received == 0) {
        err = event_dispatch(get_default_waitset());
    }
    if (err_is_fail(err)) {
        USER_PANIC_ERR(err, "cxx");
    }
    int area = 0;
    for (shape *s : shapes) {
        area += s->area();
        delete s;
    }
    printf("cxx: area %d, received %u\n", area, static_cast<unsigned>(received));
    return area == 25 && received == 42 ? 0 : 1;
}
