/**
 * Which addresses are other people's machines. Everything special is refused: loopback, private, link-local (where clouds
 * keep their metadata), shared, documentation, multicast, reserved. Source: IANA's special-purpose registries.
 */
import { BlockList, isIPv4, isIPv6 } from "node:net";

const special4 = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8], // this network
  ["10.0.0.0", 8], // private
  ["100.64.0.0", 10], // shared by carriers; Alibaba's metadata is in it
  ["127.0.0.0", 8], // loopback
  ["169.254.0.0", 16], // link-local; metadata of most clouds
  ["172.16.0.0", 12], // private
  ["192.0.0.0", 24], // protocol assignments; Oracle's metadata is in it
  ["192.0.2.0", 24], // documentation
  ["192.88.99.0", 24], // old 6to4 relays
  ["192.168.0.0", 16], // private
  ["198.18.0.0", 15], // benchmarks
  ["198.51.100.0", 24], // documentation
  ["203.0.113.0", 24], // documentation
  ["224.0.0.0", 4], // multicast
  ["240.0.0.0", 4], // reserved, and broadcast
] as const)
  special4.addSubnet(network, prefix, "ipv4");

/** All that is global unicast today; everything else is refused, mapped and translated IPv4 among it. */
const global6 = new BlockList();
global6.addSubnet("2000::", 3, "ipv6");

const special6 = new BlockList();
for (const [network, prefix] of [
  ["2001::", 23], // protocol assignments, Teredo tunnels
  ["2001:db8::", 32], // documentation
  ["2002::", 16], // 6to4: an IPv4 address in disguise
  ["3fff::", 20], // documentation
] as const)
  special6.addSubnet(network, prefix, "ipv6");

export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !special4.check(address, "ipv4");
  return isIPv6(address) && global6.check(address, "ipv6") && !special6.check(address, "ipv6");
}
