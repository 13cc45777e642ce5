/* Preloaded into a process under test: writes down every name that it looks up, and every connection to another machine;
   refuses both, so that nothing leaves even where there is a network. Build: cc -shared -fPIC -o no-network.so no-network.c -ldl */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void report(const char *what, const char *name) {
  const char *path = getenv("NO_NETWORK_LOG");
  int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
  if (fd < 0) return;
  char line[512];
  int length = snprintf(line, sizeof line, "%s %s\n", what, name ? name : "-");
  if (write(fd, line, length) < 0) abort();
  close(fd);
}

static int isLocal(const char *name) {
  return !name || !strcmp(name, "localhost") || !strncmp(name, "127.", 4) || !strcmp(name, "::1");
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
  if (isLocal(node)) return next(node, service, hints, found);
  report("lookup", node);
  return EAI_NONAME;
}

static const char *addressOf(const struct sockaddr *to, char *text, size_t size) {
  if (to->sa_family == AF_INET) return inet_ntop(AF_INET, &((const struct sockaddr_in *)to)->sin_addr, text, size);
  if (to->sa_family == AF_INET6) return inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)to)->sin6_addr, text, size);
  return NULL;
}

int connect(int fd, const struct sockaddr *to, socklen_t length) {
  int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
  char text[INET6_ADDRSTRLEN];
  const char *address = addressOf(to, text, sizeof text);
  if (isLocal(address)) return next(fd, to, length);
  report("connect", address);
  errno = ENETUNREACH;
  return -1;
}
