/* What the libraries of Debian take by themselves: starts each of those that a daemon uses, does one thing with it, and writes its
 * memory (docs/size.md). Built and run by packaging/size. */
#include <curl/curl.h>
#include <microhttpd.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <yaml.h>
#include <zstd.h>

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *target, const char *method,
                              const char *version, const char *body, size_t *length, void **state) {
  return MHD_NO;
}

int main(void) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int length;
  yaml_parser_t parser;
  sqlite3 *database;
  int isUp = curl_global_init(CURL_GLOBAL_ALL) == 0 && curl_multi_init() != NULL && curl_easy_init() != NULL;
  isUp = isUp && sodium_init() >= 0 && yaml_parser_initialize(&parser) && ZSTD_createDCtx() != NULL;
  isUp = isUp && EVP_Digest("x", 1, hash, &length, EVP_sha256(), NULL);
  isUp = isUp && sqlite3_open("libraries.db", &database) == SQLITE_OK;
  isUp = isUp && sqlite3_exec(database, "PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(1)", NULL, NULL, NULL) == SQLITE_OK;
  isUp = isUp && MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL, 0, NULL, NULL, answer, NULL, MHD_OPTION_END) != NULL;
  if (!isUp) return 1;
  puts("running");
  fflush(stdout);
  return getchar() == EOF ? 0 : 1;
}
