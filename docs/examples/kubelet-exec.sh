#!/bin/sh
# The announcement's websocat line with curl: runs `id` over a WebSocket, which is a GET. Usage: kubelet-exec.sh ADDRESS:PORT NAMESPACE/POD/CONTAINER
curl -sk --http1.1 --max-time 5 --include --no-buffer \
  -H "Authorization: Bearer $TOKEN" -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
  -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' -H 'Sec-WebSocket-Protocol: v4.channel.k8s.io' \
  "https://$1/exec/$2?output=1&error=1&command=id" | tr -dc '[:print:]\n'
echo
