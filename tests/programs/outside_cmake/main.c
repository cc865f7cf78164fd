#include <stdio.h>

#include "counter.h"

int main(void) {
    tfcc_session *session;
    if (tfcc_session_open(&counter_model, NULL, &session) != TFCC_OK) return 1;
    tfcc_initialize(session);
    int32_t c, a;
    for (int run = 0; run < 2; run++) {
        if (counter_signature_count(session, &c, &a) != TFCC_OK) return 1;
        printf("%d %d\n", (int)c, (int)a);
    }
    tfcc_session_close(session);
    return 0;
}
