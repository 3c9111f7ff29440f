#pragma once
// Only headers that hold no struct which Glibc, Dispatch or SwiftNIO's C modules hold too: two modules that see one
// struct under different feature macros cannot be imported together.
#include <linux/netlink.h>
#include <netpacket/packet.h>
#include <stddef.h>
#include <stdint.h>

/// What stat(2) says of a path, links followed. The struct of libc itself is not used from Swift: which C module
/// owns it differs from build to build.
struct clinux_path_facts {
  uint64_t inode;
  int64_t size;
  uint32_t uid;
  uint32_t gid;
  uint32_t mode;
};

/// Reads the facts of `path`. 0, or -errno.
int clinux_path_facts(const char *path, struct clinux_path_facts *facts);

/// setns(2): moves the calling thread into the namespace behind `fd`. 0, or -errno.
int clinux_setns_net(int fd);

/// Attaches to the tap `name` (made where missing) with `vnet_hdr` and without packet information: a file descriptor
/// that reads and writes frames, each behind a virtio-net header of 10 bytes. -errno where it fails.
int clinux_tap_open(const char *name);

/// Sends `length` bytes and one file descriptor over a Unix socket. Bytes sent, or -errno.
long clinux_send_descriptor(int socket, const void *bytes, size_t length, int descriptor);

/// Receives bytes and at most `descriptors_max` file descriptors (close-on-exec) from a Unix socket.
/// Bytes received (0 at the end), or -errno; `*descriptor_count` says how many descriptors came.
long clinux_receive_descriptors(int socket, void *bytes, size_t length, int *descriptors, int descriptors_max,
                                   int *descriptor_count);

/// A non-blocking netlink socket of `protocol` that listens to the `group_count` multicast groups. -errno on failure.
int clinux_netlink_listen(int protocol, const int *groups, int group_count);

/// pidfd_open(2): a descriptor that becomes readable when the process ends. -errno on failure.
int clinux_pidfd_open(int pid);

/// pidfd_send_signal(2): signals exactly the process behind the descriptor, also when its pid was given to another.
/// 0, or -errno.
int clinux_pidfd_signal(int pidfd, int signal);

/// The generation of the nftables rules in the calling thread's namespace: any change by anyone raises it. -errno.
int64_t clinux_nft_generation(void);

/// The rules of one nftables chain in the calling thread's namespace, as netlink messages: their length in bytes, 0
/// where there is no such chain, or -errno (ENOBUFS: they do not fit). `family` is nf's, 7 for `bridge`, 1 for `inet`.
long clinux_nft_rules(int family, const char *table, const char *chain, void *bytes, size_t size);

/// The number by which the kernel knows the calling thread.
int clinux_thread_id(void);

/// Says on the device `name` that `address` (IPv4, network order) is at `mac`: one gratuitous ARP. 0, or -errno.
int clinux_announce_ipv4(const char *name, const uint8_t mac[6], const uint8_t address[4]);

/// The MTU of the device `name` in the calling thread's namespace, or -errno.
int clinux_mtu(const char *name);
/// Whether nothing keeps the kernel's clock in step: 1 where nothing does, 0 where something does, -1 where the kernel
/// does not say.
int clinux_clock_unsynchronized(void);

