/* fuzz_plugin_abi.c - any bytes as a plugin's file: nothing outside of them is read, and the answer depends on them
 * alone. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin_abi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uwsgi_abi abi = { 0 }, again = { 0 };
	char text[160];
	enum abi_note found = abi_read(data, size, &abi);

	assert(found >= ABI_NOTE_MIXED && found <= ABI_NOTE_FOUND);
	assert(abi_read(data, size, &again) == found && !memcmp(&abi, &again, sizeof abi));
	if (found != ABI_NOTE_FOUND)
		return 0;
	const char *why = abi_refuse(&abi, text, sizeof text);
	assert(why ? strlen(why) < sizeof text : abi.major == UWSGI_ABI_MAJOR);
	return 0;
}
