#include "vm_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#define BLOCKS    1000
#define STEPS     100000
#define BLOCK_MAX 5000 /* some are malloc's */

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

static void check(const unsigned char *block, size_t size, unsigned char is)
{
    for (size_t i = 0; block != NULL && i < size; i++)
        assert_int_equal(block[i], is);
}

static size_t arenas(const struct vm_pool *pool)
{
    size_t count = 0;
    for (char *arena = pool->arenas; arena != NULL; count++)
        memcpy(&arena, arena, sizeof arena);
    return count;
}

/* Blocks of all sizes come, change and go; each keeps what is in it. */
static void churn(struct vm_pool *pool, uint32_t seed)
{
    static struct {
        unsigned char *data;
        size_t size;
    } blocks[BLOCKS];
    for (int step = 0; step < STEPS + BLOCKS; step++) {
        size_t i = step < STEPS ? next(&seed) % BLOCKS : (size_t)(step - STEPS);
        size_t size = step < STEPS && next(&seed) % 3 > 0 ? next(&seed) % BLOCK_MAX : 0;
        size_t kept = size < blocks[i].size ? size : blocks[i].size;
        blocks[i].data = vm_pool_realloc(pool, blocks[i].data, blocks[i].size, size);
        assert_true((blocks[i].data == NULL) == (size == 0));
        assert_int_equal((uintptr_t)blocks[i].data % 8, 0);
        check(blocks[i].data, kept, (unsigned char)i);
        if (blocks[i].data != NULL)
            memset(blocks[i].data, (unsigned char)i, size);
        blocks[i].size = size;
    }
}

static void test_blocks_keep_what_is_in_them(void **state)
{
    (void)state;
    struct vm_pool pool = {0};
    churn(&pool, 1);
    vm_pool_destroy(&pool);
    pool = (struct vm_pool){.off = true};
    churn(&pool, 1);
    assert_int_equal(arenas(&pool), 0);
    vm_pool_destroy(&pool);
}

/* Of one size first, and of another when those are gone. */
static void test_memory_is_used_again_for_other_sizes(void **state)
{
    (void)state;
    struct vm_pool pool = {0};
    static void *blocks[100000];
    for (size_t size = 16; size <= 4096; size *= 2) {
        size_t count = sizeof blocks / size;
        for (size_t i = 0; i < count; i++) {
            blocks[i] = vm_pool_realloc(&pool, NULL, 0, size);
            assert_non_null(blocks[i]);
        }
        for (size_t i = 0; i < count; i++)
            assert_null(vm_pool_realloc(&pool, blocks[i], size, 0));
    }
    assert_in_range(arenas(&pool), 1, 2);
    vm_pool_destroy(&pool);
}

static unsigned char *resized(struct vm_pool *pool, unsigned char *block, size_t old_size,
                              size_t size)
{
    unsigned char *fresh = vm_pool_realloc(pool, block, old_size, size);
    check(fresh, old_size < size ? old_size : size, 7);
    if (fresh != NULL)
        memset(fresh, 7, size);
    return fresh;
}

/* Where there is no memory at all, each becomes smaller where it is, also again and to nothing. */
static void test_a_block_becomes_smaller_without_memory(void **state)
{
    static const size_t sizes[] = {200000, 100000, 3000, 40};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    unsigned char *blocks[COUNT], *same[COUNT];
    struct rlimit before, none;
    (void)state;
    for (int again = 0; again < 2; again++) {
        struct vm_pool pool = {0};
        for (size_t i = 0; i < COUNT; i++)
            blocks[i] = resized(&pool, NULL, 0, sizes[i]);
        pool.spare = NULL; /* and all slabs of the arena are in use */
        pool.nfresh = 0;
        assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
        none = (struct rlimit){.rlim_cur = 4096, .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
        for (size_t i = 0; i < COUNT; i++) {
            same[i] = resized(&pool, blocks[i], sizes[i], 24);
            same[i] = resized(&pool, same[i], 24, 8);
        }
        void *more = vm_pool_realloc(&pool, NULL, 0, 2000);
        assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
        assert_null(more);
        for (size_t i = 0; i < COUNT; i++) {
            assert_ptr_equal(same[i], blocks[i]);
            blocks[i] = resized(&pool, same[i], 8, again ? 100 : 5000);
            assert_null(vm_pool_realloc(&pool, blocks[i], again ? 100 : 5000, 0));
        }
        assert_int_equal(pool.strays, 0);
        vm_pool_destroy(&pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_keep_what_is_in_them),
        cmocka_unit_test(test_memory_is_used_again_for_other_sizes),
        cmocka_unit_test(test_a_block_becomes_smaller_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
