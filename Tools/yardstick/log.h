// The log of the C yardstick: what storing a send costs at the least. See log.c.
#ifndef YARDSTICK_LOG_H
#define YARDSTICK_LOG_H
#include "bytes.h"

typedef struct {
    slice topic, properties, body;
    long queue_id, flag, system_flag, born, reconsumed;
} log_message;

// Makes the first files and starts the threads. Says on stderr what does not work, and returns -1 then.
int log_open(const char *folder);

// Stages the record of a message. Returns -1 when no broker would take it: a text is too long.
int log_stage(const log_message *message);

// Writes all that is staged and its queue entries; answers may go out afterwards. An error ends the program.
void log_write(void);
#endif
