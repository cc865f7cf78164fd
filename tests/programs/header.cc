// header.cc: the generated headers and the runtime's, read by a C++ compiler with warnings as errors.
#include "counter.h"
#include "names.h"
#include "network.h"
#include "sizes.h"

#include <cstdio>

int main() {
    tfcc_session *session = nullptr;
    if (tfcc_session_open(&counter_model, nullptr, &session) != TFCC_OK) return 1;
    if (tfcc_initialize(session) != TFCC_OK) return 1;
    int32_t c = 0, a = 0;
    tfcc_fetch fetches[] = {{counter_fetch_c, tfcc_int32(&c)}, {"a", tfcc_int32(&a)}};
    if (counter_run(session, nullptr, 0, fetches, 2) != TFCC_OK) {
        std::fprintf(stderr, "%s\n", tfcc_message(session));
        return 1;
    }
    tfcc_session_close(session);

    float doubled[sizes_doubled_SIZE];
    const float fixed[] = {1, 2, 3, 4, 5, 6};
    if (tfcc_session_open(&sizes_model, nullptr, &session) != TFCC_OK) return 1;
    if (sizes_signature_double(session, fixed, doubled) != TFCC_OK) return 1;
    tfcc_session_close(session);
    return c == 2 && a == 2 && doubled[5] == 12 ? 0 : 1;
}
