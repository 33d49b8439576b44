#include "modules.h"

#include "luaopen.h"
#include "task.h"

const luaL_Reg modules[] = {
    {"cjson", luaopen_jeton_cjson},
    {"cjson.safe", luaopen_jeton_cjson_safe},
    {"jeton", luaopen_jeton},
    {"jeton.crypto", luaopen_jeton_crypto},
    {"jeton.exec", luaopen_jeton_exec},
    {"jeton.hook", luaopen_jeton_hook},
    {"jeton.http", luaopen_jeton_http},
    {"jeton.json", luaopen_jeton_json},
    {"jeton.log", luaopen_jeton_log},
    {"jeton.output", luaopen_jeton_output},
    {"jeton.place", luaopen_jeton_place},
    {"jeton.progress_line", luaopen_jeton_progress_line},
    {"jeton.server", luaopen_jeton_server},
    {"jeton.sqlite", luaopen_jeton_sqlite},
    {"jeton.state", luaopen_jeton_state},
    {"jeton.task", luaopen_jeton_task},
    {"jeton.test_host", luaopen_jeton_test_host},
    {"jeton.test_native", luaopen_jeton_test_native},
    {"jeton.token", luaopen_jeton_token},
    {"jeton.yaml", luaopen_jeton_yaml},
    {NULL, NULL},
};
