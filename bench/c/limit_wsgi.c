/* Lower bound of honest WSGI work: epoll + embedded CPython, one process, one thread.
 * usage: limit_wsgi PORT MODULE [close] [bare] [gil]
 *   default: environ = copy of a template dict (wsgi.* + SERVER_*) + CGI keys + every request header,
 *            interned key cache for header names, C start_response, iterate result, call close(), one write.
 *   bare:    one preallocated dict, no environ building (pure call cost)
 *   gil:     drop/retake the GIL around epoll_wait (what a threaded server must do)
 * Read-only study tool, not a server: no bodies, no chunking, one read must hold the whole request head. */
#define PY_SSIZE_T_CLEAN
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <Python.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
static char obuf[65536];
static int olen;
static PyObject *tmpl, *app, *srf, *empty;
static PyObject *kMETHOD, *kPATH, *kQS, *kURI, *kPROTO, *kRADDR, *kRPORT, *vGET, *vPOST, *vP11, *sClose;
typedef struct {
	PyObject_HEAD
} Srf;
static PyObject *srf_call(PyObject *self, PyObject *const *a, size_t nf, PyObject *kw)
{
	(void)self;
	(void)kw;
	if (PyVectorcall_NARGS(nf) < 2) {
		PyErr_SetString(PyExc_TypeError, "start_response");
		return 0;
	}
	Py_ssize_t l;
	const char *s = PyUnicode_AsUTF8AndSize(a[0], &l);
	memcpy(obuf, "HTTP/1.1 ", 9);
	memcpy(obuf + 9, s, l);
	olen = 9 + l;
	memcpy(obuf + olen, "\r\n", 2);
	olen += 2;
	PyObject *h = a[1];
	Py_ssize_t n = PyList_GET_SIZE(h);
	for (Py_ssize_t i = 0; i < n; i++) {
		PyObject *t = PyList_GET_ITEM(h, i);
		PyObject *k = PyTuple_GET_ITEM(t, 0), *v = PyTuple_GET_ITEM(t, 1);
		if (!PyUnicode_IS_COMPACT_ASCII(k) || !PyUnicode_IS_COMPACT_ASCII(v)) {
			PyErr_SetString(PyExc_ValueError, "latin1");
			return 0;
		}
		l = PyUnicode_GET_LENGTH(k);
		memcpy(obuf + olen, PyUnicode_DATA(k), l);
		olen += l;
		obuf[olen++] = ':';
		obuf[olen++] = ' ';
		l = PyUnicode_GET_LENGTH(v);
		memcpy(obuf + olen, PyUnicode_DATA(v), l);
		olen += l;
		obuf[olen++] = '\r';
		obuf[olen++] = '\n';
	}
	Py_RETURN_NONE;
}
static PyMethodDef srdef = { "start_response", (PyCFunction)(void (*)(void))srf_call, METH_FASTCALL | METH_KEYWORDS,
			     0 };
static PyObject *srf_meth(PyObject *self, PyObject *const *a, Py_ssize_t n, PyObject *kw)
{
	return srf_call(self, a, n, kw);
}
/* header-name -> interned HTTP_X key cache, open addressing on (len, first, last) + memcmp */
struct hk {
	char name[64];
	int len;
	PyObject *key;
} hk[1024];
static PyObject *hkey(const char *p, int l)
{
	unsigned h = (unsigned)l * 31 + (p[0] | 32) * 7 + (p[l - 1] | 32) * 131;
	for (unsigned i = h & 1023;; i = (i + 1) & 1023) {
		if (!hk[i].key) {
			char b[80] = "HTTP_";
			if (l > 60)
				l = 60;
			for (int j = 0; j < l; j++)
				b[5 + j] = p[j] == '-' ? '_' : (p[j] >= 'a' && p[j] <= 'z') ? p[j] - 32 : p[j];
			memcpy(hk[i].name, p, l);
			hk[i].len = l;
			b[5 + l] = 0;
			hk[i].key = PyUnicode_InternFromString(b);
			return hk[i].key;
		}
		if (hk[i].len == l && !strncasecmp(hk[i].name, p, l))
			return hk[i].key;
	}
}
static inline void put(PyObject *d, PyObject *k, const char *s, int l)
{
	PyObject *v = PyUnicode_New(l, 127);
	memcpy(PyUnicode_DATA(v), s, l);
	PyDict_SetItem(d, k, v);
	Py_DECREF(v);
}
static PyObject *environ_of(const char *b, int n)
{
	PyObject *d = PyDict_Copy(tmpl);
	const char *p = b, *e = b + n, *q;
	q = memchr(p, ' ', e - p);
	if (!q)
		goto bad;
	if (q - p == 3 && !memcmp(p, "GET", 3))
		PyDict_SetItem(d, kMETHOD, vGET);
	else
		put(d, kMETHOD, p, q - p);
	p = q + 1;
	q = memchr(p, ' ', e - p);
	if (!q)
		goto bad;
	const char *u = p, *ue = q, *qs = memchr(u, '?', ue - u);
	put(d, kURI, u, ue - u);
	put(d, kPATH, u, (qs ? qs : ue) - u); /* (a %-decode pass when '%' is seen) */
	if (qs)
		put(d, kQS, qs + 1, ue - qs - 1);
	else
		PyDict_SetItem(d, kQS, empty);
	p = q + 1;
	q = memchr(p, '\r', e - p);
	if (!q)
		goto bad;
	if (q - p == 8 && !memcmp(p, "HTTP/1.1", 8))
		PyDict_SetItem(d, kPROTO, vP11);
	else
		put(d, kPROTO, p, q - p);
	for (p = q + 2; p < e && *p != '\r'; p = q + 2) {
		const char *c = memchr(p, ':', e - p);
		if (!c)
			goto bad;
		q = memchr(c, '\r', e - c);
		if (!q)
			goto bad;
		const char *v = c + 1;
		while (v < q && *v == ' ')
			v++;
		put(d, hkey(p, c - p), v, q - v);
	}
	return d;
bad:
	Py_DECREF(d);
	return 0;
}
int main(int c, char **v)
{
	int port = atoi(v[1]), cl = 0, bare = 0, gil = 0, one = 1;
	for (int i = 3; i < c; i++) {
		cl |= !strcmp(v[i], "close");
		bare |= !strcmp(v[i], "bare");
		gil |= !strcmp(v[i], "gil");
	}
	setenv("PYTHONPATH", getenv("APPDIR") ? getenv("APPDIR") : ".", 0);
	Py_Initialize();
	PyObject *m = PyImport_ImportModule(v[2]);
	if (!m) {
		PyErr_Print();
		return 1;
	}
	app = PyObject_GetAttrString(m, "application");
	srdef.ml_meth = (PyCFunction)(void (*)(void))srf_meth;
	srf = PyCFunction_New(&srdef, 0);
	char ps[16];
	snprintf(ps, sizeof ps, "%d", port);
	PyObject *io = PyImport_ImportModule("io"), *bio = PyObject_CallMethod(io, "BytesIO", 0);
	tmpl = Py_BuildValue("{s:s,s:s,s:s,s:O,s:s,s:(ii),s:O,s:O,s:O,s:O,s:s}", "SERVER_NAME", "localhost",
			     "SERVER_PORT", ps, "SCRIPT_NAME", "", "wsgi.input", bio, "wsgi.url_scheme", "http",
			     "wsgi.version", 1, 0, "wsgi.multithread", Py_False, "wsgi.multiprocess", Py_False,
			     "wsgi.run_once", Py_False, "wsgi.errors", PySys_GetObject("stderr"), "REMOTE_ADDR",
			     "127.0.0.1");
#define I(x) PyUnicode_InternFromString(x)
	kMETHOD = I("REQUEST_METHOD");
	kPATH = I("PATH_INFO");
	kQS = I("QUERY_STRING");
	kURI = I("REQUEST_URI");
	kPROTO = I("SERVER_PROTOCOL");
	vGET = I("GET");
	vP11 = I("HTTP/1.1");
	empty = I("");
	sClose = I("close");
	int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (bind(s, (void *)&a, sizeof a) || listen(s, 4096)) {
		perror("bind");
		return 1;
	}
	int ep = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN, .data.fd = s }, ev[256];
	epoll_ctl(ep, EPOLL_CTL_ADD, s, &e);
	static char buf[65536];
	PyObject *bd = PyDict_New();
	for (;;) {
		int n;
		if (gil) {
			Py_BEGIN_ALLOW_THREADS n = epoll_wait(ep, ev, 256, -1);
			Py_END_ALLOW_THREADS
		} else
			n = epoll_wait(ep, ev, 256, -1);
		if (n < 0) {
			if (PyErr_CheckSignals())
				return 0;
			continue;
		}
		for (int i = 0; i < n; i++) {
			int fd = ev[i].data.fd;
			if (fd == s) {
				int k = accept4(s, 0, 0, SOCK_NONBLOCK);
				if (k < 0)
					continue;
				setsockopt(k, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
				struct epoll_event x = { .events = EPOLLIN, .data.fd = k };
				epoll_ctl(ep, EPOLL_CTL_ADD, k, &x);
				continue;
			}
			ssize_t r = read(fd, buf, sizeof buf);
			if (r <= 0) {
				if (r < 0 && errno == EAGAIN)
					continue;
				close(fd);
				continue;
			}
			PyObject *d = bare ? Py_NewRef(bd) : environ_of(buf, r);
			if (!d) {
				close(fd);
				continue;
			}
			PyObject *av[3] = { 0, d, srf };
			PyObject *res = PyObject_Vectorcall(app, av + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, 0);
			Py_DECREF(d);
			if (!res) {
				PyErr_Print();
				close(fd);
				continue;
			}
			if (cl) {
				memcpy(obuf + olen, "Connection: close\r\n", 19);
				olen += 19;
			}
			obuf[olen++] = '\r';
			obuf[olen++] = '\n';
			if (PyList_CheckExact(res) || PyTuple_CheckExact(res)) {
				for (Py_ssize_t j = 0; j < PySequence_Fast_GET_SIZE(res); j++) {
					PyObject *o = PySequence_Fast_GET_ITEM(res, j);
					memcpy(obuf + olen, PyBytes_AS_STRING(o), PyBytes_GET_SIZE(o));
					olen += PyBytes_GET_SIZE(o);
				}
			} else {
				PyObject *it = PyObject_GetIter(res), *o;
				while (it && (o = PyIter_Next(it))) {
					Py_ssize_t l = PyBytes_GET_SIZE(o);
					if (olen + l < (int)sizeof obuf) {
						memcpy(obuf + olen, PyBytes_AS_STRING(o), l);
						olen += l;
					}
					Py_DECREF(o);
				}
				Py_XDECREF(it);
				PyObject *cf = PyObject_GetAttr(res, sClose);
				if (cf) {
					Py_XDECREF(PyObject_CallNoArgs(cf));
					Py_DECREF(cf);
				} else
					PyErr_Clear();
			}
			Py_DECREF(res);
			if (write(fd, obuf, olen) < 0) {
				close(fd);
				continue;
			}
			if (cl)
				close(fd);
		}
	}
}
