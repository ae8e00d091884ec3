#pragma once
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

// A macro, which the importer drops because it is built from another one.
static inline int copenssl_ed25519(void) { return EVP_PKEY_ED25519; }
