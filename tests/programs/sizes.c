/* sizes.c: shapes of the caller's tensors, before, during and after a run. */
#include "sizes.h"
#include "program.h"

static const float fixed[6] = {1, 2, 3, 4, 5, 6};
static const float rows[6] = {1, 1, 1, -1, -1, -1};
static const int64_t two_by_three[] = {2, 3};

static void typed_functions(tfcc_session *session) {
    float doubled[sizes_doubled_SIZE];
    CHECK_OK(sizes_signature_double(session, fixed, doubled));
    CHECK(doubled[0] == 2 && doubled[5] == 12);
    CHECK(sizes_doubled_RANK == 2 && sizes_doubled_DIM_0 == 2 && sizes_doubled_DIM_1 == 3);

    tfcc_tensor fed = tfcc_array(TFCC_FLOAT32, rows, two_by_three, 2);
    tfcc_tensor stacked = {NULL, NULL, 0, TFCC_FLOAT32, 0}, positive = stacked;
    CHECK_OK(sizes_signature_stack(session, fixed, &fed, &stacked, &positive));
    CHECK(stacked.rank == 2 && stacked.shape[0] == 4 && stacked.shape[1] == 3);
    CHECK(((float *)stacked.data)[11] == -1);
    CHECK(positive.rank == 2 && positive.shape[0] == 1 && ((float *)positive.data)[2] == 1);
    tfcc_tensor_free(&stacked);
    tfcc_tensor_free(&positive);
    CHECK(stacked.data == NULL && stacked.shape == NULL);
}

static void any_rank(tfcc_session *session) {
    static const int32_t numbers[] = {1, 2, 3, 4};
    static const int64_t eight[] = {1, 2, 1, 1, 1, 2, 1, 1};
    for (int32_t rank = 0; rank <= 8; rank += 4) {
        int32_t next[4] = {0};
        int64_t shape[TFCC_MAX_RANK];
        int64_t four[] = {1, 1, 2, 2};
        tfcc_feed feed = {sizes_feed_any,
                          tfcc_array(TFCC_INT32, numbers, rank == 8 ? eight : four, rank)};
        tfcc_fetch fetch = {sizes_fetch_next, {next, shape, 0, TFCC_INT32, sizeof next}};
        CHECK_OK(sizes_run(session, &feed, 1, &fetch, 1));
        CHECK(fetch.tensor.rank == rank && next[0] == 2 && next[3] == (rank ? 5 : 0));
        if (rank == 8) CHECK(memcmp(shape, eight, sizeof eight) == 0);
    }
}

static void room(tfcc_session *session) {
    float doubled[6] = {0};
    int64_t shape[TFCC_MAX_RANK] = {2, 3};
    tfcc_feed feed = {"fixed", tfcc_array(TFCC_FLOAT32, fixed, two_by_three, 2)};
    /* Capacity 0 means the product of the given shape: two by three is enough, one by three is not. */
    tfcc_fetch fetch = {"doubled", tfcc_array(TFCC_FLOAT32, doubled, shape, 2)};
    CHECK_OK(sizes_run(session, &feed, 1, &fetch, 1));
    shape[0] = 1;
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, sizes_run(session, &feed, 1, &fetch, 1), "doubled");
    fetch.tensor.capacity = sizeof doubled - 1;
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, sizes_run(session, &feed, 1, &fetch, 1), "doubled");
    fetch.tensor.capacity = sizeof doubled;
    CHECK_OK(sizes_run(session, &feed, 1, &fetch, 1));
    CHECK(shape[0] == 2);

    /* An address that is no multiple of anything. */
    char bytes[sizeof fixed + 1], results[sizeof doubled + 1];
    memcpy(bytes + 1, fixed, sizeof fixed);
    feed.tensor.data = bytes + 1;
    fetch.tensor.data = results + 1;
    CHECK_OK(sizes_run(session, &feed, 1, &fetch, 1));
    memcpy(doubled, results + 1, sizeof doubled);
    CHECK(doubled[5] == 12);
}

static void wrong_feeds(tfcc_session *session) {
    static const int64_t three_by_two[] = {3, 2}, six[] = {6}, negative[] = {-2, 3};
    float doubled[6];
    tfcc_fetch fetch = {"doubled", {doubled, NULL, 0, TFCC_FLOAT32, sizeof doubled}};
    tfcc_feed feeds[2] = {{"fixed", tfcc_array(TFCC_FLOAT32, fixed, three_by_two, 2)}};
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, sizes_run(session, feeds, 1, &fetch, 1), "[3, 2]");
    feeds[0].tensor = tfcc_array(TFCC_FLOAT32, fixed, six, 1);
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, sizes_run(session, feeds, 1, &fetch, 1), "fixed");
    feeds[0].tensor = tfcc_array(TFCC_FLOAT32, fixed, negative, 2);
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, sizes_run(session, feeds, 1, &fetch, 1), "fixed");
    feeds[0].tensor = tfcc_array(TFCC_INT32, fixed, two_by_three, 2);
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, sizes_run(session, feeds, 1, &fetch, 1), "int32");
    feeds[0].tensor = tfcc_array(TFCC_FLOAT32, NULL, two_by_three, 2);
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, sizes_run(session, feeds, 1, &fetch, 1), "fixed");
    feeds[0].tensor = tfcc_array(TFCC_FLOAT32, fixed, two_by_three, 2);
    feeds[1] = feeds[0];
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, sizes_run(session, feeds, 2, &fetch, 1), "fixed");
    CHECK_FAILS(TFCC_INVALID_ARGUMENT, sizes_run(session, NULL, 0, &fetch, 1), "fixed");
    /* A feed that nothing needs is accepted. */
    feeds[1] = (tfcc_feed){"rows", tfcc_array(TFCC_FLOAT32, rows, two_by_three, 2)};
    CHECK_OK(sizes_run(session, feeds, 2, &fetch, 1));
}

static void sizes_ahead(tfcc_session *session) {
    tfcc_extent extent;
    tfcc_feed feeds[] = {{"fixed", tfcc_array(TFCC_FLOAT32, NULL, two_by_three, 2)},
                         {"rows", tfcc_array(TFCC_FLOAT32, NULL, two_by_three, 2)}};
    CHECK_OK(sizes_shape(session, feeds, 2, "stacked", &extent));
    CHECK(extent.bound == TFCC_EXACT && extent.rank == 2 && extent.shape[0] == 4 &&
          extent.bytes == 48);
    CHECK_OK(sizes_shape(session, feeds, 2, "positive", &extent));
    CHECK(extent.bound == TFCC_UPPER_BOUND && extent.shape[0] == 2 && extent.shape[1] == 3);
    CHECK_OK(sizes_shape(session, NULL, 0, sizes_fetch_doubled, &extent));
    CHECK(extent.bound == TFCC_EXACT && extent.bytes == 24);
    CHECK_FAILS(TFCC_NOT_FOUND, sizes_shape(session, NULL, 0, "nope", &extent), "nope");

    tfcc_fetch fetch = {"stacked", {NULL, NULL, 0, TFCC_FLOAT32, 0}};
    size_t bytes = 1;
    tfcc_bound bound;
    CHECK_OK(sizes_workspace(session, feeds, 2, &fetch, 1, &bytes, &bound));
    CHECK(bound == TFCC_EXACT && bytes < 65536);
    CHECK_OK(tfcc_reserve(session, feeds, 2, &fetch, 1));
}

static void no_rows(tfcc_session *session) {
    static const int64_t none[] = {0, 3};
    tfcc_feed feeds[] = {{"fixed", tfcc_array(TFCC_FLOAT32, fixed, two_by_three, 2)},
                         {"rows", tfcc_array(TFCC_FLOAT32, NULL, none, 2)}};
    float stacked[6];
    int64_t shape[TFCC_MAX_RANK], empty[TFCC_MAX_RANK];
    tfcc_fetch fetches[] = {{"stacked", {stacked, shape, 0, TFCC_FLOAT32, sizeof stacked}},
                            {"positive", {NULL, empty, 0, TFCC_FLOAT32, 0}}};
    CHECK_OK(sizes_run(session, feeds, 2, fetches, 2));
    CHECK(shape[0] == 2 && stacked[5] == 6 && empty[0] == 0 && empty[1] == 3);
}

/* What a model says of its sizes: a name only where the graph gives one. */
static void described(const tfcc_model *model) {
    for (size_t i = 0; i < tfcc_model_feed_count(model); i++) {
        tfcc_description d;
        CHECK_OK(tfcc_model_feed(model, i, &d));
        if (strcmp(d.name, "rows") == 0)
            CHECK(d.shape[0] == -1 && strcmp(d.dimensions[0], "n") == 0 && d.dimensions[1] == NULL);
        if (strcmp(d.name, "any") == 0) CHECK(d.rank == -1);
    }
    for (size_t i = 0; i < tfcc_model_fetch_count(model); i++) {
        tfcc_description d;
        CHECK_OK(tfcc_model_fetch(model, i, &d));
        if (strcmp(d.name, "positive") != 0) continue;
        CHECK(d.rank == 2 && d.shape[0] == -1 && d.dimensions[0] == NULL && d.shape[1] == 3);
    }
}

int main(void) {
    tfcc_session *session = open_initialized(&sizes_model);
    typed_functions(session);
    any_rank(session);
    room(session);
    wrong_feeds(session);
    sizes_ahead(session);
    no_rows(session);
    described(tfcc_session_model(session));
    tfcc_session_close(session);
    return 0;
}
