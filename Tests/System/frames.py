"""Ethernet frames, honest and forged, for the isolation tests. Each carries a marker by which it is found again."""

import ipaddress
import struct

BROADCAST = "ff:ff:ff:ff:ff:ff"
ALL_NODES = "33:33:00:00:00:01"


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ip(text):
    return ipaddress.ip_address(text).packed


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(source, target, kind, payload):
    return mac(target) + mac(source) + struct.pack("!H", kind) + payload


def ipv4(source, target, payload, protocol=17):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, ip(source), ip(target))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(source, target, payload, protocol, hops=255):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, hops, ip(source), ip(target)) + payload


def udp(source_port, target_port, data):
    """Without a checksum, which IPv4 allows."""
    return struct.pack("!HHHH", source_port, target_port, 8 + len(data), 0) + data


def udp6(source, target, source_port, target_port, data):
    head = struct.pack("!HHHH", source_port, target_port, 8 + len(data), 0)
    pseudo = ip(source) + ip(target) + struct.pack("!IBBBB", 8 + len(data), 0, 0, 0, 17)
    return head[:6] + struct.pack("!H", checksum(pseudo + head + data)) + data


def icmp6(source, target, kind, body, code=0):
    head = struct.pack("!BBH", kind, code, 0)
    pseudo = ip(source) + ip(target) + struct.pack("!IBBBB", 4 + len(body), 0, 0, 0, 58)
    return struct.pack("!BBH", kind, code, checksum(pseudo + head + body)) + body


def arp(operation, sender_mac, sender_ip, target_mac, target_ip, marker):
    """An ARP packet; the marker stands in the frame's padding."""
    return struct.pack(
        "!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, operation, mac(sender_mac), ip(sender_ip), mac(target_mac),
        ip(target_ip)) + marker


def option(kind, data):
    """An option of neighbour discovery, padded to eight bytes."""
    data += b"\0" * (-(len(data) + 2) % 8)
    return struct.pack("!BB", kind, (len(data) + 2) // 8) + data


def dhcp(operation, message, client_mac, offered, server, marker):
    fixed = struct.pack(
        "!BBBBIHH4s4s4s4s16s64s128s", operation, 1, 6, 0, 0x1234, 0, 0x8000, ip("0.0.0.0"), ip(offered), ip(server),
        ip("0.0.0.0"), mac(client_mac) + b"\0" * 10, marker, b"")
    return fixed + bytes([0x63, 0x82, 0x53, 0x63, 53, 1, message, 54, 4]) + ip(server) + b"\xff"


class Guest:
    """Who sends: its own MAC, IPv4, global and link-local IPv6."""

    def __init__(self, mac_address, four, six, link_local):
        self.mac, self.four, self.six, self.local = mac_address, four, six, link_local


def honest(me, peer):
    """What a guest may send: without these getting through, silence proves nothing. Name → frame."""
    def mark(name):
        return f"HONEST-{name};".encode()
    return {
        "arp": ethernet(me.mac, BROADCAST, 0x0806,
            arp(1, me.mac, me.four, "00:00:00:00:00:00", peer.four, mark("arp"))),
        "udp": ethernet(me.mac, peer.mac, 0x0800, ipv4(me.four, peer.four, udp(4000, 4000, mark("udp")))),
        "udp6": ethernet(me.mac, peer.mac, 0x86DD, ipv6(
            me.six, peer.six, udp6(me.six, peer.six, 4000, 4000, mark("udp6")), 17)),
        "na": ethernet(me.mac, ALL_NODES, 0x86DD, ipv6(me.six, "ff02::1", icmp6(
            me.six, "ff02::1", 136, struct.pack("!I", 0x20000000) + ip(me.six) + option(2, mac(me.mac))
            + option(253, mark("na"))), 58)),
    }


def forged(me, peer, gateway):
    """What no guest may send. Name → frame; each is marked FORGED-name."""
    other = "fa:16:3e:66:66:66"

    def mark(name):
        return f"FORGED-{name};".encode()

    def v6(name, kind, body, source=None, target="ff02::1"):
        source = source or me.local
        body = body + option(253, mark(name))
        return ethernet(me.mac, ALL_NODES, 0x86DD, ipv6(source, target, icmp6(source, target, kind, body), 58))

    def plain(name, source, sender=me.mac):
        return ethernet(sender, peer.mac, 0x0800, ipv4(source, peer.four, udp(4000, 4000, mark(name))))

    advert = struct.pack("!BBHII", 64, 0, 1800, 0, 0)
    solicited = struct.pack("!I", 0x60000000)
    return {
        "source-mac": plain("source-mac", me.four, sender=other),
        "ipv4-source": plain("ipv4-source", "10.99.99.99"),
        "ipv4-gateway": plain("ipv4-gateway", gateway.four),
        "ipv4-zero": plain("ipv4-zero", "0.0.0.0"),
        "arp-reply-gateway": ethernet(me.mac, BROADCAST, 0x0806, arp(
            2, me.mac, gateway.four, BROADCAST, peer.four, mark("arp-reply-gateway"))),
        "arp-request-gateway": ethernet(me.mac, BROADCAST, 0x0806, arp(
            1, me.mac, gateway.four, "00:00:00:00:00:00", peer.four, mark("arp-request-gateway"))),
        "arp-other-mac": ethernet(me.mac, BROADCAST, 0x0806, arp(
            2, other, me.four, BROADCAST, peer.four, mark("arp-other-mac"))),
        "arp-probe-peer": ethernet(me.mac, BROADCAST, 0x0806, arp(
            1, me.mac, "0.0.0.0", "00:00:00:00:00:00", peer.four, mark("arp-probe-peer"))),
        "ipv6-source": ethernet(me.mac, peer.mac, 0x86DD, ipv6("fd00:99::1", peer.six, udp6(
            "fd00:99::1", peer.six, 4000, 4000, mark("ipv6-source")), 17)),
        "ipv6-link-local": ethernet(me.mac, peer.mac, 0x86DD, ipv6("fe80::6666", peer.six, udp6(
            "fe80::6666", peer.six, 4000, 4000, mark("ipv6-link-local")), 17)),
        "dhcp-offer": ethernet(me.mac, BROADCAST, 0x0800, ipv4(me.four, "255.255.255.255", udp(
            67, 68, dhcp(2, 2, peer.mac, peer.four, me.four, mark("dhcp-offer"))))),
        "dhcp-ack-unicast": ethernet(me.mac, peer.mac, 0x0800, ipv4(me.four, peer.four, udp(
            67, 68, dhcp(2, 5, peer.mac, peer.four, me.four, mark("dhcp-ack-unicast"))))),
        "dhcp-for-another": ethernet(me.mac, BROADCAST, 0x0800, ipv4("0.0.0.0", "255.255.255.255", udp(
            68, 67, dhcp(1, 1, peer.mac, "0.0.0.0", "0.0.0.0", mark("dhcp-for-another"))))),
        "dhcpv6-reply": ethernet(me.mac, peer.mac, 0x86DD, ipv6(me.local, peer.six, udp6(
            me.local, peer.six, 547, 546, mark("dhcpv6-reply")), 17)),
        "router-advert": v6("router-advert", 134, advert + option(1, mac(me.mac))),
        "router-advert-of-gateway": v6("router-advert-of-gateway", 134, advert, source=gateway.local),
        "neighbour-advert-gateway": v6("neighbour-advert-gateway", 136,
            solicited + ip(gateway.six) + option(2, mac(me.mac))),
        "neighbour-advert-peer": v6("neighbour-advert-peer", 136, solicited + ip(peer.six) + option(2, mac(me.mac))),
        "redirect": v6("redirect", 137, b"\0" * 4 + ip(me.local) + ip(gateway.six)),
        "vlan": ethernet(me.mac, BROADCAST, 0x8100, struct.pack("!HH", 7, 0x0800) + ipv4(
            gateway.four, peer.four, udp(4000, 4000, mark("vlan")))),
        "stp": ethernet(me.mac, "01:80:c2:00:00:00", 60, b"\x42\x42\x03" + mark("stp").ljust(57, b"\0")),
        "lldp": ethernet(me.mac, "01:80:c2:00:00:0e", 0x88CC, mark("lldp").ljust(60, b"\0")),
        "pppoe": ethernet(me.mac, BROADCAST, 0x8863, mark("pppoe").ljust(60, b"\0")),
        # The last one: where it gets through, the bridge believes the peer to be here.
        "source-mac-of-peer": ethernet(peer.mac, BROADCAST, 0x0800, ipv4(
            peer.four, "255.255.255.255", udp(4000, 4000, mark("source-mac-of-peer")))),
    }
