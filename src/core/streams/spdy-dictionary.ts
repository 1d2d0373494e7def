/** Words that SPDY/3 header compression starts with, each preceded by its length (SPDY draft 3, section 2.6.10.1). */
const WORDS =
  "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow " +
  "authorization cache-control connection content-base content-encoding content-language content-length " +
  "content-location content-md5 content-range content-type date etag expect expires from host if-match " +
  "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma " +
  "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade " +
  "user-agent vary via warning www-authenticate method get status|200 OK|version HTTP/1.1 url public set-cookie " +
  "keep-alive origin";

const TAIL =
  "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505" +
  "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized" +
  "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable" +
  "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT" +
  "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain," +
  "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

/** The preset dictionary, 1423 bytes. Its Adler-32 is 0xe3c6a7c2; peers put that number before their first block. */
export function spdyDictionary(): Uint8Array {
  const words = WORDS.split("|").flatMap((part, index) => (index === 1 ? [part] : part.split(" ")));
  const size = words.reduce((sum, word) => sum + 4 + word.length, TAIL.length);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  const write = (text: string): void => {
    for (let index = 0; index < text.length; index++) bytes[offset + index] = text.charCodeAt(index);
    offset += text.length;
  };
  for (const word of words) {
    view.setUint32(offset, word.length);
    offset += 4;
    write(word);
  }
  write(TAIL);
  return bytes;
}
