/* Any text is a signature or is refused; what is accepted stays inside the text. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	struct signature s;
	char why[200] = "";
	if (signature_parse(text, &s, why, sizeof why) == 0) {
		assert(s.required <= s.plain && s.plain <= s.count && s.count <= UWSGI_PARAMS_MAX);
		for (unsigned i = 0; i < s.count; i++)
			assert(s.params[i].name.p > text && s.params[i].name.p + s.params[i].name.n < text + size);
	} else {
		assert(why[0]);
	}
	free(text);
	return 0;
}
