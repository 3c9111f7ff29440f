// Sends raw Ethernet frames, as a hostile guest would: inject INTERFACE, one frame in hex a line on standard input.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int digit(int c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; }

int main(int count, char **words) {
  if (count != 2) return 2;
  int out = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(words[1]), .sll_halen = 6};
  static char line[4096];
  static unsigned char frame[2048];
  int sent = 0;
  while (out >= 0 && fgets(line, sizeof line, stdin)) {
    int length = 0;
    for (char *at = line; at[0] > ' ' && at[1] > ' ' && length < (int)sizeof frame; at += 2)
      frame[length++] = digit(at[0]) << 4 | digit(at[1]);
    sent += sendto(out, frame, length, 0, (struct sockaddr *)&to, sizeof to) == length;
    usleep(20000);
  }
  printf("sent %d\n", sent);
  return 0;
}
