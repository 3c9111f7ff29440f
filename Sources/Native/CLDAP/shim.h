#pragma once
#include <ldap.h>
#include <sys/time.h>

// libldap's calls that need C's own structures; what Swift sees has none.

/// Makes a handle; nothing is connected yet. Every wait is bounded by `seconds`, a message by `bytes`, and where a server
/// sends us elsewhere we do not go.
static inline int cldap_open(const char *url, int seconds, unsigned long bytes, LDAP **ld) {
  int rc = ldap_initialize(ld, url);
  if (rc != LDAP_SUCCESS) return rc;
  int version = LDAP_VERSION3;
  struct timeval limit = {seconds, 0};
  ber_len_t most = bytes;
  Sockbuf *buffer = NULL;
  ldap_set_option(*ld, LDAP_OPT_PROTOCOL_VERSION, &version);
  ldap_set_option(*ld, LDAP_OPT_NETWORK_TIMEOUT, &limit);
  ldap_set_option(*ld, LDAP_OPT_TIMEOUT, &limit);
  ldap_set_option(*ld, LDAP_OPT_TIMELIMIT, &seconds);
  ldap_set_option(*ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
  ldap_set_option(*ld, LDAP_OPT_RESTART, LDAP_OPT_OFF);
  if (ldap_get_option(*ld, LDAP_OPT_SOCKBUF, &buffer) == LDAP_OPT_SUCCESS && buffer)
    ber_sockbuf_ctrl(buffer, LBER_SB_OPT_SET_MAX_INCOMING, &most);
  return LDAP_SUCCESS;
}

/// How certificates are looked at: 0 not at all, 1 allow, 2 try, 3 demand. `cafile` and `cadir` may be NULL.
static inline int cldap_trust(LDAP *ld, int demand, const char *cafile, const char *cadir) {
  static const int levels[] = {LDAP_OPT_X_TLS_NEVER, LDAP_OPT_X_TLS_ALLOW, LDAP_OPT_X_TLS_TRY, LDAP_OPT_X_TLS_DEMAND};
  int server = 0;
  int rc = ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &levels[demand & 3]);
  if (rc == LDAP_SUCCESS && cafile) rc = ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, cafile);
  if (rc == LDAP_SUCCESS && cadir) rc = ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTDIR, cadir);
  if (rc == LDAP_SUCCESS) rc = ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &server);
  return rc;
}

static inline int cldap_bind(LDAP *ld, const char *dn, const char *password, unsigned long length) {
  struct berval secret = {length, (char *)password};
  return ldap_sasl_bind_s(ld, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL);
}

/// One page of a search. `cookie` is where to go on, NULL at the start and the end; it is freed and set.
static inline int cldap_page(
    LDAP *ld, const char *base, int scope, const char *filter, char **attributes, int seconds, int count,
    struct berval **cookie, LDAPMessage **result) {
  LDAPControl *page = NULL, **returned = NULL;
  struct timeval limit = {seconds, 0};
  int rc = ldap_create_page_control(ld, count, *cookie, 0, &page);
  if (*cookie) ber_bvfree(*cookie);
  *cookie = NULL;
  if (rc != LDAP_SUCCESS) return rc;
  LDAPControl *controls[] = {page, NULL};
  rc = ldap_search_ext_s(ld, base, scope, filter, attributes, 0, controls, NULL, &limit, 0, result);
  ldap_control_free(page);
  if (rc != LDAP_SUCCESS) return rc;
  int code = LDAP_SUCCESS;
  rc = ldap_parse_result(ld, *result, &code, NULL, NULL, NULL, &returned, 0);
  if (rc == LDAP_SUCCESS && returned) {
    LDAPControl *found = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, returned, NULL);
    ber_int_t total = 0;
    struct berval next = {0, NULL};
    if (found && ldap_parse_pageresponse_control(ld, found, &total, &next) == LDAP_SUCCESS) {
      if (next.bv_len > 0) *cookie = ber_bvdup(&next);
      if (next.bv_val) ber_memfree(next.bv_val);
    }
  }
  if (returned) ldap_controls_free(returned);
  return rc == LDAP_SUCCESS ? code : rc;
}

static inline int cldap_start_tls(LDAP *ld) { return ldap_start_tls_s(ld, NULL, NULL); }

static inline void cldap_close(LDAP *ld) { ldap_unbind_ext_s(ld, NULL, NULL); }
