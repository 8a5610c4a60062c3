// The system's OpenSSL (3.0 or later): its headers, and a function for each macro of theirs that Swift cannot see.
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static inline long cssl_set_least_version(SSL_CTX *context, int version) { return SSL_CTX_set_min_proto_version(context, version); }
static inline long cssl_set_most_version(SSL_CTX *context, int version) { return SSL_CTX_set_max_proto_version(context, version); }
static inline void cssl_set_mode(SSL_CTX *context, long mode) { SSL_CTX_set_mode(context, mode); }
static inline void cssl_set_session_cache(SSL_CTX *context, long mode) { SSL_CTX_set_session_cache_mode(context, mode); }
/// Refuses renegotiation and compression, and prefers the ciphers of the server.
static inline void cssl_set_safe_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
}
/// Takes the certificate over when it returns 1.
static inline long cssl_add_chain_certificate(SSL_CTX *context, X509 *certificate) { return SSL_CTX_add0_chain_cert(context, certificate); }
static inline long cssl_set_server_name(SSL *session, const char *name) { return SSL_set_tlsext_host_name(session, name); }
static inline EVP_PKEY *cssl_make_elliptic_key(void) { return EVP_EC_gen("P-256"); }
static inline EVP_PKEY *cssl_make_rsa_key(size_t bits) { return EVP_RSA_gen(bits); }
static inline void cssl_bio_wants_more(BIO *bio) { BIO_set_retry_read(bio); }
static inline void cssl_bio_clear_flags(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline int cssl_is_certificate_failure(unsigned long code) {
    return ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED;
}
/// Whether a PEM reader only says that the text has no further block.
static inline int cssl_is_end_of_pem(unsigned long code) {
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}
