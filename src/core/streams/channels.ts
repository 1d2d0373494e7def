/** Channels of remote command over WebSocket: the first byte of each message. */
export const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

export interface ChannelMessage {
  readonly channel: number;
  readonly data: Uint8Array;
}

/** A binary message: one byte channel, then the data. undefined for an empty message, which says nothing. */
export function decodeChannelMessage(message: Uint8Array): ChannelMessage | undefined {
  const [channel] = message;
  return channel === undefined ? undefined : { channel, data: message.subarray(1) };
}

export function encodeChannelMessage(channel: number, data: Uint8Array): Uint8Array {
  const message = new Uint8Array(data.byteLength + 1);
  message[0] = channel;
  message.set(data, 1);
  return message;
}
