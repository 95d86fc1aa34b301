//! The byte streams that the door accepts, behind one type so that hyper is compiled for one.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// A connection without TLS.
pub(super) enum Plain {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection as HTTP reads it.
pub(super) enum Stream {
    Plain(Plain),
    Tls(Box<TlsStream<Plain>>),
}

impl Stream {
    /// Makes the coming close a reset, so that the kernel keeps nothing for a peer that doesn't read.
    pub(super) fn abandon(&self) {
        let plain = match self {
            Self::Plain(plain) => plain,
            Self::Tls(stream) => stream.get_ref().0,
        };
        if let Plain::Tcp(stream) = plain {
            // Failing means that the peer is gone, which is what is wanted.
            let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }
}

macro_rules! delegate {
    ($($kind:ident { $($arm:ident),+ })+) => { $(
        impl AsyncRead for $kind {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                match self.get_mut() { $(Self::$arm(inner) => Pin::new(inner).poll_read(cx, buf)),+ }
            }
        }

        impl AsyncWrite for $kind {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                match self.get_mut() { $(Self::$arm(inner) => Pin::new(inner).poll_write(cx, buf)),+ }
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() { $(Self::$arm(inner) => Pin::new(inner).poll_write_vectored(cx, bufs)),+ }
            }

            fn is_write_vectored(&self) -> bool {
                match self { $(Self::$arm(inner) => inner.is_write_vectored()),+ }
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $(Self::$arm(inner) => Pin::new(inner).poll_flush(cx)),+ }
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $(Self::$arm(inner) => Pin::new(inner).poll_shutdown(cx)),+ }
            }
        }
    )+ };
}

delegate! {
    Plain { Tcp, Unix }
    Stream { Plain, Tls }
}
