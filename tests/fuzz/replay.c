/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>

#include "fuzz.h"
#include "tests/unit/read_file.h"

/*
 * A harness without libFuzzer: fuzz_X DIRECTORY runs it over the inputs in there, in TAP. Findings of `make fuzz` stay
 * in fixtures/fuzz, and no harness can rot between two of its runs.
 */
static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* From memory of its exact size, so that a sanitizer sees any step beyond. */
static void run_one(const char *directory, const char *name)
{
    struct strbuf path = { 0 }, text = { 0 };
    strbuf_printf(&path, "%s/%s", directory, name);
    read_file(&text, path.at);
    uint8_t *exact = must_alloc(text.len);
    memcpy(exact, text.at, text.len);
    LLVMFuzzerTestOneInput(exact, text.len);
    free(exact);
    strbuf_free(&text);
    strbuf_free(&path);
}

int main(int argc, char **argv)
{
    struct dirent **inputs = NULL;
    int count = argc == 2 ? scandir(argv[1], &inputs, is_input, alphasort) : -1;
    if (count <= 0) {
        fprintf(stderr, "usage: %s DIRECTORY, which holds inputs\n", argv[0]);
        free(inputs);
        return 2;
    }
    printf("1..1\n");
    for (int i = 0; i < count; i++) {
        printf("# %s\n", inputs[i]->d_name); /* whose fault an abort is */
        fflush(stdout);
        run_one(argv[1], inputs[i]->d_name);
        free(inputs[i]);
    }
    free(inputs);
    printf("ok 1 - %d inputs in %s\n", count, argv[1]);
    return 0;
}
