#pragma once
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <string.h>
#include <sys/epoll.h>

// MHD_start_daemon, MHD_get_connection_info and MHD_set_response_options are variadic, which Swift cannot call.
// Nothing is decided here.

// Percent-decoding is done in Swift, where an invalid sequence has one meaning; MHD is told to leave texts alone.
static inline size_t cmhd_keep_escapes(void *context, struct MHD_Connection *connection, char *text) {
    (void)context;
    (void)connection;
    return strlen(text);
}

struct cmhd_settings {
    int listening_socket;
    size_t memory_per_connection;
    unsigned int connections;
    unsigned int connections_per_address;
    unsigned int inactivity_seconds;
    // NULL for plain HTTP; else what gives each connection its certificate.
    gnutls_certificate_retrieve_function2 *certificate;
};

// The callback types of MHD_OPTION_URI_LOG_CALLBACK and MHD_OPTION_NOTIFY_COMPLETED have no names in all versions.
typedef void *(*cmhd_target_callback)(void *context, const char *target, struct MHD_Connection *connection);

// poll, not epoll: libmicrohttpd uses epoll edge-triggered, and a hang-up that comes together with data is then seen
// only when the deadline passes (docs/decisions/0002-http-server.md).
static inline struct MHD_Daemon *cmhd_start(
    const struct cmhd_settings *settings, MHD_AcceptPolicyCallback accept, MHD_AccessHandlerCallback access, cmhd_target_callback target,
    MHD_RequestCompletedCallback completed, MHD_NotifyConnectionCallback connection, void *context) {
    unsigned int flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    // Without a certificate the list of TLS options ends before it begins.
    struct MHD_OptionItem tls[] = {
        {settings->certificate == NULL ? MHD_OPTION_END : MHD_OPTION_HTTPS_PRIORITIES, 0,
         (void *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"},
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)settings->certificate},
        {MHD_OPTION_END, 0, NULL},
    };
    if (settings->certificate != NULL) flags |= MHD_USE_TLS;
    return MHD_start_daemon(
        flags, 0, accept, context, access, context,
        MHD_OPTION_LISTEN_SOCKET, (MHD_socket)settings->listening_socket,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, settings->memory_per_connection,
        MHD_OPTION_CONNECTION_LIMIT, settings->connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, settings->connections_per_address,
        MHD_OPTION_CONNECTION_TIMEOUT, settings->inactivity_seconds,
        MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_UNESCAPE_CALLBACK, &cmhd_keep_escapes, NULL,
        MHD_OPTION_URI_LOG_CALLBACK, target, context,
        MHD_OPTION_NOTIFY_COMPLETED, completed, context,
        MHD_OPTION_NOTIFY_CONNECTION, connection, context,
        MHD_OPTION_ARRAY, tls,
        MHD_OPTION_END);
}

// NULL for a connection without TLS.
static inline gnutls_session_t cmhd_session(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info == NULL ? NULL : (gnutls_session_t)info->tls_session;
}

static inline int cmhd_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

static inline const struct sockaddr *cmhd_address(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info == NULL ? NULL : info->client_addr;
}

static inline void *cmhd_socket_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static inline enum MHD_Result cmhd_announce_keep_alive(struct MHD_Response *response) {
    return MHD_set_response_options(response, MHD_RF_SEND_KEEP_ALIVE_HEADER, MHD_RO_END);
}

// Glibc's Swift module leaves epoll out.
static inline int cmhd_hang_ups(void) { return epoll_create1(EPOLL_CLOEXEC); }

static inline void cmhd_hang_ups_add(int watch, int descriptor, unsigned long long number) {
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data = {.u64 = number}};
    (void)epoll_ctl(watch, EPOLL_CTL_ADD, descriptor, &event);
}

static inline void cmhd_hang_ups_remove(int watch, int descriptor) {
    struct epoll_event event = {0};
    (void)epoll_ctl(watch, EPOLL_CTL_DEL, descriptor, &event);
}

// The number of one that has gone; 0 if there is none now.
static inline unsigned long long cmhd_hang_ups_next(int watch) {
    struct epoll_event event;
    return epoll_wait(watch, &event, 1, 0) == 1 ? event.data.u64 : 0;
}
