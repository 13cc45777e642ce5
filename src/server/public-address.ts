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

/** Machines of one's own: private networks and this machine. Not link-local: clouds keep their metadata there. */
const private4 = new BlockList();
for (const [network, prefix] of [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["127.0.0.0", 8],
] as const)
  private4.addSubnet(network, prefix, "ipv4");
const private6 = new BlockList();
private6.addSubnet("fc00::", 7, "ipv6");
private6.addAddress("::1", "ipv6");
/** Amazon's metadata, inside the private range. */
const metadata6 = new BlockList();
metadata6.addAddress("fd00:ec2::254", "ipv6");

/** For hosts that the server was told to trust. */
export function isPublicOrPrivateAddress(address: string): boolean {
  if (isPublicAddress(address)) return true;
  if (isIPv4(address)) return private4.check(address, "ipv4");
  return isIPv6(address) && private6.check(address, "ipv6") && !metadata6.check(address, "ipv6");
}

export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !special4.check(address, "ipv4");
  return isIPv6(address) && global6.check(address, "ipv6") && !special6.check(address, "ipv6");
}
