/**
 * `format`: texts of the named kinds as patterns, narrower than their standards where that keeps them short; everything
 * they allow is valid. [RFC 3339 5.6 and appendix A, RFC 5321 4.1.2, RFC 1123 2.1, RFC 3986, RFC 4291 2.2, RFC 9562 4]
 */

const day31 = "(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])";
const day30 = "(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)";
const leapYear = "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
const date = `(?:\\d{4}-(?:${day31}|${day30}|02-(?:0[1-9]|1\\d|2[0-8]))|${leapYear}-02-29)`;
const hour = "(?:[01]\\d|2[0-3])";
const time = `${hour}:[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-]${hour}:[0-5]\\d)`; // no leap second: most readers refuse it

const days = "(?:\\d{1,9}D|\\d{1,9}M(?:\\d{1,9}D)?|\\d{1,9}Y(?:\\d{1,9}M(?:\\d{1,9}D)?)?)";
const hours = "T(?:\\d{1,9}H(?:\\d{1,9}M(?:\\d{1,9}S)?)?|\\d{1,9}M(?:\\d{1,9}S)?|\\d{1,9}S)";

// Six labels of forty stay below the limit of 253 characters, so that no total has to be counted.
const label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,38}[A-Za-z0-9])?";
const hostname = `${label}(?:\\.${label}){0,5}`;
const domain = `(?:${label}\\.){1,5}[A-Za-z]{2,24}`;
const word = "[A-Za-z0-9_%+-]{1,20}"; // three of them stay below the 64 of a mailbox

const byte = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const ipv4 = `${byte}(?:\\.${byte}){3}`;
const group = "[0-9A-Fa-f]{1,4}";
const shortened = Array.from({ length: 6 }, (_, i) => `(?:${group}:){1,${i + 1}}(?::${group}){1,${6 - i}}`);
const ipv6 = `(?:(?:${group}:){7}${group}|${shortened.join("|")}|(?:${group}:){1,7}:|:(?::${group}){1,7}|::)`;

const urlCharacter = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";

const formats: Readonly<Record<string, string>> = {
  date,
  time,
  "date-time": `${date}T${time}`,
  duration: `P(?:${days}(?:${hours})?|${hours}|\\d{1,9}W)`,
  email: `${word}(?:\\.${word}){0,2}@${domain}`,
  hostname,
  ipv4,
  ipv6,
  uuid: "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
  // Of all URIs, addresses on the web.
  uri: `https?://${hostname}(?::[1-9]\\d{0,3})?(?:/${urlCharacter}*)*(?:\\?(?:${urlCharacter}|[/?])*)?(?:#(?:${urlCharacter}|[/?])*)?`,
};

export const formatNames: readonly string[] = Object.keys(formats);

/** The pattern of a format, if it is one of ours. */
export function formatPattern(name: string): string | undefined {
  return Object.hasOwn(formats, name) ? `^(?:${formats[name]})$` : undefined;
}
