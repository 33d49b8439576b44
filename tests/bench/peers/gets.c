/* gets URL N: N requests one after the other on one connection, in bare C on libcurl. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

static size_t count(char *data, size_t size, size_t n, void *arg)
{
    (void)data;
    *(size_t *)arg += size * n;
    return size * n;
}

int main(int argc, char **argv)
{
    size_t bytes = 0;
    char url[4096];
    if (argc != 3)
        return 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &bytes);
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    for (long i = 1, n = atol(argv[2]); i <= n; i++) {
        snprintf(url, sizeof url, "%s/item/%ld", argv[1], i);
        curl_easy_setopt(easy, CURLOPT_URL, url);
        if (curl_easy_perform(easy) != CURLE_OK)
            return 1;
    }
    curl_easy_cleanup(easy);
    printf("%zu\n", bytes);
    return 0;
}
