// What a function that can fail returns: OK, or a negative value with a name.
#pragma once

#define STATUS_LIST(X)                                                       \
    X(OK, 0)             /* done */                                          \
    X(BAD_ARGUMENT, -1)  /* the caller's words make no sense */              \
    X(NOT_FOUND, -2)     /* no such thing */                                 \
    X(NOT_SUPPORTED, -3) /* this machine or this build can't */              \
    X(OUT_OF_RANGE, -4)  /* outside what is there */                         \
    X(NO_MEMORY, -5)     /* memory, or room in a fixed table, has run out */ \
    X(TIMED_OUT, -6)     /* waited for as long as was allowed */             \
    X(FAULT, -7)         /* the access made the processor fault */           \
    X(MALFORMED, -8)     /* data from outside breaks its own format */       \
    X(FAILED, -9)        /* reported where it happened */                    \
    X(INTERRUPTED, -10)  /* somebody wants the waiter to end */

#define STATUS_ENUM(name, value) name = value,
enum status { STATUS_LIST(STATUS_ENUM) };
#undef STATUS_ENUM

// "NOT_FOUND" for NOT_FOUND; "status?" for a value that is none.
const char *status_name(enum status status);
