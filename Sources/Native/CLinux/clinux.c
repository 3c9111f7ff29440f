#define _GNU_SOURCE 1
#include "clinux.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

int clinux_setns_net(int fd) {
  return setns(fd, CLONE_NEWNET) == 0 ? 0 : -errno;
}

static int named_request(const char *name, struct ifreq *request) {
  memset(request, 0, sizeof *request);
  if (strlen(name) >= IFNAMSIZ) return -ENAMETOOLONG;
  strcpy(request->ifr_name, name);
  return 0;
}

int clinux_tap_open(const char *name) {
  struct ifreq request;
  int result = named_request(name, &request);
  if (result < 0) return result;
  int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return -errno;
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (ioctl(fd, TUNSETIFF, &request) < 0) {
    result = -errno;
    close(fd);
    return result;
  }
  return fd;
}

long clinux_send_descriptor(int socket, const void *bytes, size_t length, int descriptor) {
  char control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec vector = {.iov_base = (void *)bytes, .iov_len = length};
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  return sent < 0 ? -errno : sent;
}

long clinux_receive_descriptors(int socket, void *bytes, size_t length, int *descriptors, int descriptors_max,
                                   int *descriptor_count) {
  char control[CMSG_SPACE(sizeof(int) * 16)] = {0};
  struct iovec vector = {.iov_base = bytes, .iov_len = length};
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  *descriptor_count = 0;
  ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (received < 0) return -errno;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t index = 0; index < count; index++) {
      int descriptor;
      memcpy(&descriptor, CMSG_DATA(header) + index * sizeof(int), sizeof descriptor);
      if (*descriptor_count < descriptors_max) descriptors[(*descriptor_count)++] = descriptor;
      else close(descriptor);
    }
  }
  return received;
}

int clinux_netlink_listen(int protocol, const int *groups, int group_count) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  if (fd < 0) return -errno;
  // One load of the rules of hundreds of ports is told in megabytes.
  int room = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  int result = bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
  for (int index = 0; result == 0 && index < group_count; index++) {
    int group = groups[index];
    if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0) result = -errno;
  }
  if (result == 0) return fd;
  close(fd);
  return result;
}

int clinux_pidfd_open(int pid) {
  long fd = syscall(SYS_pidfd_open, pid, 0);
  return fd < 0 ? -errno : (int)fd;
}

int clinux_pidfd_signal(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int64_t clinux_nft_generation(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) return -errno;
  struct {
    struct nlmsghdr header;
    struct nfgenmsg family;
  } request = {
      .header = {.nlmsg_len = sizeof request,
                 .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
                 .nlmsg_flags = NLM_F_REQUEST},
      .family = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0}};
  char answer[1024] __attribute__((aligned(8)));
  ssize_t length = send(fd, &request, sizeof request, 0);
  if (length >= 0) length = recv(fd, answer, sizeof answer, 0);
  int64_t result = length < 0 ? -errno : -EPROTO;
  close(fd);
  struct nlmsghdr *header = (struct nlmsghdr *)answer;
  if (length < (ssize_t)sizeof request || (header->nlmsg_type & 0xff) != NFT_MSG_NEWGEN) return result;
  for (size_t offset = sizeof request; offset + sizeof(struct nlattr) + 4 <= (size_t)length;) {
    struct nlattr *attribute = (struct nlattr *)(answer + offset);
    if (attribute->nla_len < sizeof *attribute) break;
    if ((attribute->nla_type & NLA_TYPE_MASK) == NFTA_GEN_ID) {
      uint32_t generation;
      memcpy(&generation, attribute + 1, sizeof generation);
      return ntohl(generation);
    }
    offset += NLA_ALIGN(attribute->nla_len);
  }
  return result;
}

static size_t put_text(char *at, uint16_t type, const char *text) {
  size_t length = strlen(text) + 1;
  struct nlattr attribute = {.nla_len = (uint16_t)(NLA_HDRLEN + length), .nla_type = type};
  memcpy(at, &attribute, sizeof attribute);
  memcpy(at + NLA_HDRLEN, text, length);
  return NLA_ALIGN(attribute.nla_len);
}

long clinux_nft_rules(int family, const char *table, const char *chain, void *bytes, size_t size) {
  if (strlen(table) >= 256 || strlen(chain) >= 256) return -ENAMETOOLONG;
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) return -errno;
  char request[1024] __attribute__((aligned(8))) = {0};
  struct nlmsghdr *header = (struct nlmsghdr *)request;
  struct nfgenmsg *asked = NLMSG_DATA(header);
  *asked = (struct nfgenmsg){.nfgen_family = (uint8_t)family, .version = NFNETLINK_V0};
  size_t length = NLMSG_LENGTH(sizeof *asked);
  length += put_text(request + length, NFTA_RULE_TABLE, table);
  length += put_text(request + length, NFTA_RULE_CHAIN, chain);
  *header = (struct nlmsghdr){.nlmsg_len = (uint32_t)length,
                              .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE,
                              .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP};
  long total = send(fd, request, length, 0) < 0 ? -errno : 0;
  for (int done = total < 0; !done;) {
    ssize_t got = recv(fd, (char *)bytes + total, size - (size_t)total, MSG_TRUNC);
    if (got < 0 || (size_t)got > size - (size_t)total) {
      total = got < 0 ? -errno : -ENOBUFS;
      break;
    }
    size_t rest = (size_t)got;
    for (struct nlmsghdr *one = (void *)((char *)bytes + total); NLMSG_OK(one, rest); one = NLMSG_NEXT(one, rest)) {
      if (one->nlmsg_type == NLMSG_DONE || one->nlmsg_type == NLMSG_ERROR) done = 1;
    }
    total += NLMSG_ALIGN(got);
    if (got == 0) done = 1;
  }
  close(fd);
  return total;
}

int clinux_thread_id(void) { return (int)syscall(SYS_gettid); }

int clinux_announce_ipv4(const char *name, const uint8_t mac[6], const uint8_t address[4]) {
  struct __attribute__((packed)) {
    uint16_t hardware, protocol;
    uint8_t hardware_length, protocol_length;
    uint16_t operation;
    uint8_t sender_mac[6], sender_address[4], target_mac[6], target_address[4];
  } arp = {htons(1), htons(ETH_P_IP), 6, 4, htons(1), {0}, {0}, {0}, {0}};
  memcpy(arp.sender_mac, mac, 6);
  memcpy(arp.sender_address, address, 4);
  memcpy(arp.target_address, address, 4);
  unsigned index = if_nametoindex(name);
  if (index == 0) return -errno;
  int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  struct sockaddr_ll to = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = (int)index, .sll_halen = 6};
  memset(to.sll_addr, 0xff, 6);
  int result = sendto(fd, &arp, sizeof arp, 0, (struct sockaddr *)&to, sizeof to) < 0 ? -errno : 0;
  close(fd);
  return result;
}

int clinux_mtu(const char *name) {
  struct ifreq request;
  int result = named_request(name, &request);
  if (result < 0) return result;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  result = ioctl(fd, SIOCGIFMTU, &request) < 0 ? -errno : request.ifr_mtu;
  close(fd);
  return result;
}

int clinux_path_facts(const char *path, struct clinux_path_facts *facts) {
  struct stat status;
  if (stat(path, &status) != 0) return -errno;
  facts->inode = status.st_ino;
  facts->size = status.st_size;
  facts->uid = status.st_uid;
  facts->gid = status.st_gid;
  facts->mode = status.st_mode;
  return 0;
}

int clinux_clock_unsynchronized(void) {
  struct timex state = {.modes = 0};
  int result = adjtimex(&state);
  if (result < 0) return -1;
  return result == TIME_ERROR || (state.status & STA_UNSYNC) != 0;
}
