"""A worker of its own: aiohttp on the server's sockets, HTTP and websockets, ending in order.

    uwsgi --ini uwsgi.ini
"""
import asyncio
import signal
import socket

from aiohttp import WSMsgType, web
import uwsgi


async def hello(request):
    return web.Response(text="Hello, " + request.match_info["name"])


async def echo(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    async for message in ws:
        if message.type == WSMsgType.TEXT:
            await ws.send_str("Hello, " + message.data)
        elif message.type == WSMsgType.BINARY:
            await ws.send_bytes(message.data)
    return ws


async def main():
    stop = asyncio.Event()
    app = web.Application()
    app.add_routes([web.get("/echo", echo), web.get("/{name}", hello)])
    runner = web.AppRunner(app)
    await runner.setup()
    for fd in uwsgi.sockets:
        await web.SockSite(runner, socket.socket(fileno=fd)).start()
    # SIGHUP is the server's way to say: finish your requests and end
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(signum, stop.set)
    uwsgi.accepting()
    print("aiohttp in worker %d of uWSGI %s" % (uwsgi.worker_id(), uwsgi.version.decode()))
    await stop.wait()
    await runner.cleanup()
    print("worker %d has finished its requests" % uwsgi.worker_id())


asyncio.run(main())
