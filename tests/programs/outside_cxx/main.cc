#include <iostream>

#include "counter.h"

int main() {
    tfcc_session *session = nullptr;
    if (tfcc_session_open(&from_cxx_model, nullptr, &session) != TFCC_OK) return 1;
    tfcc_initialize(session);
    int32_t c = 0, a = 0;
    if (from_cxx_signature_count(session, &c, &a) != TFCC_OK) return 1;
    std::cout << c << ' ' << a << '\n';
    tfcc_session_close(session);
}
