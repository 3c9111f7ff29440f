#pragma once
#include <crypt.h>

/// Size in bytes of the memory that `crypt_rn` works in: a macro that Swift does not see.
static const int ccrypt_data_size = (int)sizeof(struct crypt_data);
