/* response.h - completing a response. */
#ifndef KERNEL_RESPONSE_H
#define KERNEL_RESPONSE_H

#include "serve.h"

/* After the request function returned: send what is missing.  True when the connection may carry another request. */
bool response_finish(struct request *req);

#endif
