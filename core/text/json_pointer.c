#include "json_pointer.h"

#include <string.h>

bool json_pointer_is_valid(const char *pointer)
{
    if (*pointer != '\0' && *pointer != '/')
        return false;
    for (const char *at = pointer; (at = strchr(at, '~')) != NULL; at++) {
        if (at[1] != '0' && at[1] != '1')
            return false;
    }
    return true;
}

/* Whether the token of a pointer names this key. */
static bool is_key(const char *token, const char *end, const char *key, size_t len)
{
    const char *key_end = key + len;
    for (; token < end && key < key_end; token++, key++) {
        char c = *token;
        if (c == '~')
            c = *++token == '0' ? '~' : '/';
        if (c != *key)
            return false;
    }
    return token == end && key == key_end;
}

static const struct json *element(const struct json *array, const char *token, const char *end)
{
    size_t index = 0;
    if (token == end || end - token > 6 || (*token == '0' && end - token > 1))
        return NULL;
    for (; token < end; token++) {
        if (*token < '0' || *token > '9')
            return NULL;
        index = index * 10 + (size_t)(*token - '0');
    }
    const struct json *child = array->child;
    while (child != NULL && index-- > 0)
        child = child->next;
    return child;
}

/* The last member of that name, as json_get. */
static const struct json *member(const struct json *object, const char *token, const char *end)
{
    const struct json *found = NULL;
    for (const struct json *child = object->child; child != NULL; child = child->next) {
        if (is_key(token, end, child->key, child->key_len))
            found = child;
    }
    return found;
}

const struct json *json_pointer_get(const struct json *root, const char *pointer)
{
    while (root != NULL && *pointer == '/') {
        const char *token = pointer + 1;
        pointer = token + strcspn(token, "/");
        if (root->type == JSON_OBJECT_BEGIN)
            root = member(root, token, pointer);
        else
            root = root->type == JSON_ARRAY_BEGIN ? element(root, token, pointer) : NULL;
    }
    return root;
}
