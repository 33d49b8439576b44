/* libpq, loaded when the first state on PostgreSQL is opened: whoever has none pays nothing. */
#ifndef JETON_STORE_PG_API_H
#define JETON_STORE_PG_API_H

#include "err.h"

#include <libpq-fe.h>

#define STORE_PG_API_LIBRARY "libpq.so.5"
#define STORE_PG_API_PACKAGE "libpq5"

#define STORE_PG_API_FUNCTIONS(X)                                                                  \
    X(PQclear)                                                                                     \
    X(PQconnectPoll)                                                                               \
    X(PQconnectStartParams)                                                                        \
    X(PQconninfoFree)                                                                              \
    X(PQconninfoParse)                                                                             \
    X(PQconsumeInput)                                                                              \
    X(PQenterPipelineMode)                                                                         \
    X(PQerrorMessage)                                                                              \
    X(PQfinish)                                                                                    \
    X(PQflush)                                                                                     \
    X(PQfreemem)                                                                                   \
    X(PQgetResult)                                                                                 \
    X(PQgetisnull)                                                                                 \
    X(PQgetlength)                                                                                 \
    X(PQgetvalue)                                                                                  \
    X(PQisBusy)                                                                                    \
    X(PQntuples)                                                                                   \
    X(PQparameterStatus)                                                                           \
    X(PQpipelineSync)                                                                              \
    X(PQresultErrorField)                                                                          \
    X(PQresultStatus)                                                                              \
    X(PQsendQueryParams)                                                                           \
    X(PQsetErrorVerbosity)                                                                         \
    X(PQsetNoticeProcessor)                                                                        \
    X(PQsetnonblocking)                                                                            \
    X(PQsocket)                                                                                    \
    X(PQstatus)                                                                                    \
    X(PQtransactionStatus)

/* PQclear() is api->PQclear(), and so on. */
struct store_pg_api {
#define STORE_PG_API_MEMBER(name) __typeof__(name) *name;
    STORE_PG_API_FUNCTIONS(STORE_PG_API_MEMBER)
#undef STORE_PG_API_MEMBER
};

/* Opens the library; it stays loaded. ERR_CONFIG when it is missing or too old. */
int store_pg_api_load(struct store_pg_api *api, struct err *err);

#endif
