#include "server_clock.h"

bool server_clock_idle(struct server *server)
{
    server->busy = false;
    if (!server->closing)
        return true;
    server->destroy(server);
    return false;
}

bool server_clock_run(struct server *server)
{
    if (server->busy)
        return true;
    server->busy = true;
    server->resumed = false;
    server->replying = false;
    server->api.run(server->daemon);
    if (server->replying)
        server->api.run(server->daemon);
    return server_clock_idle(server);
}

void server_clock_expect(struct server *server, int64_t due_ms)
{
    if (due_ms >= server->due_clock_ms)
        return;
    int64_t now_ms = loop_now_ms(server->loop);
    server->due_clock_ms = due_ms;
    loop_timer_start(server->loop, &server->clock, due_ms > now_ms ? due_ms - now_ms : 0,
                     server->on_clock, server);
}
