/* A game that owns its UDP socket: it gives what arrives to the library, and sends what the library says. */
#ifndef SOCKET_H
#define SOCKET_H

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct game_socket {
	int fd;                /* -1: the game has none */
	char address[64];
	uint64_t fed[4];       /* who is given what arrives */
	int fed_count;
	char strange[2048];    /* the latest that was nobody's */
	int strange_size;
	char strange_from[64];
} game_socket;

static void split(const char *address, struct sockaddr_in *to)
{
	char ip[64];
	const char *colon = strrchr(address, ':');
	CHECK(colon != NULL && (size_t)(colon - address) < sizeof ip);
	memcpy(ip, address, (size_t)(colon - address));
	ip[colon - address] = 0;
	memset(to, 0, sizeof *to);
	to->sin_family = AF_INET;
	to->sin_port = htons((uint16_t)atoi(colon + 1));
	CHECK(inet_pton(AF_INET, ip, &to->sin_addr) == 1);
}

static void socket_open(game_socket *s)
{
	struct sockaddr_in local;
	socklen_t size = sizeof local;
	memset(s, 0, sizeof *s);
	s->fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(s->fd >= 0);
	split("127.0.0.1:0", &local);
	CHECK(bind(s->fd, (struct sockaddr *)&local, sizeof local) == 0);
	CHECK(getsockname(s->fd, (struct sockaddr *)&local, &size) == 0);
	sprintf(s->address, "127.0.0.1:%d", ntohs(local.sin_port));
}

static void socket_send(game_socket *s, const char *to, const void *data, uint32_t size)
{
	struct sockaddr_in address;
	split(to, &address);
	CHECK(sendto(s->fd, data, size, 0, (struct sockaddr *)&address, sizeof address) == (ssize_t)size);
}

/* Waits up to two milliseconds for datagrams, and asks each handle whether it is its. */
static void socket_frame(game_socket *s)
{
	char data[2048], ip[64], from[80];
	struct sockaddr_in address;
	struct pollfd wait;
	wait.fd = s->fd;
	wait.events = POLLIN;
	wait.revents = 0;
	while (poll(&wait, s->fd >= 0 ? 1 : 0, 2) > 0) {
		socklen_t length = sizeof address;
		int i, taken = 0;
		ssize_t size = recvfrom(s->fd, data, sizeof data, 0, (struct sockaddr *)&address, &length);
		CHECK(size >= 0);
		CHECK(inet_ntop(AF_INET, &address.sin_addr, ip, sizeof ip) != NULL);
		sprintf(from, "%s:%d", ip, ntohs(address.sin_port));
		for (i = 0; i < s->fed_count && !taken; i++)
			taken = relight_feed(s->fed[i], from, data, (uint32_t)size) == RELIGHT_TAKEN;
		if (!taken) {
			memcpy(s->strange, data, (size_t)size);
			s->strange_size = (int)size;
			strcpy(s->strange_from, from);
		}
	}
}

#endif
