// The digests below EVP: their state is a plain structure, which is copied without a call (`HMACSHA1`).
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
