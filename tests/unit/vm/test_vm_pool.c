#include "vm_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_keep_what_is_in_them),
        cmocka_unit_test(test_memory_is_used_again_for_other_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
