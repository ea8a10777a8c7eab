//! A vendor's client: SSH by russh, SFTP by russh-sftp, so that the check needs no program but this one.

use super::{keys, vendors::Vendor};
use anyhow::{Context, bail};
use russh::{
    client::{self, Handle},
    keys::{PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate},
};
use russh_sftp::{
    client::{RawSftpSession, error::Error as SftpError},
    protocol::{FileAttributes, OpenFlags, StatusCode},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// Bytes of one READ: what every server grants (draft-ietf-secsh-filexfer-02 section 3).
const READ: u32 = 32 * 1024;
/// How long a cut connection may take to be noticed.
const NOTICED: Duration = Duration::from_secs(10);

/// The gateway as a vendor knows it.
pub struct Gateway {
    pub address: SocketAddr,
    pub host_key: PublicKey,
}

/// How an attempt to log in ended.
pub enum Login {
    Accepted(Box<Session>),
    /// The gateway let the client speak and did not let it in.
    Refused,
}

pub struct Session {
    connection: Handle<KnownHost>,
    sftp: RawSftpSession,
}

/// Trusts the one key that the vendor was told.
struct KnownHost(PublicKey);

impl client::Handler for KnownHost {
    type Error = russh::Error;

    async fn check_server_key(&mut self, presented: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(matches!(presented, PublicKeyOrCertificate::PublicKey { key, .. } if key.key_data() == self.0.key_data()))
    }
}

impl Gateway {
    pub async fn log_in(&self, vendor: &Vendor) -> anyhow::Result<Login> {
        let config = Arc::new(client::Config::default());
        let mut connection = client::connect(config, self.address, KnownHost(self.host_key.clone())).await?;
        let key = PrivateKeyWithHashAlg::new(Arc::new(keys::read_ssh(&vendor.ssh_key)?), None);
        match connection.authenticate_publickey(vendor.id.as_str(), key).await {
            Ok(answer) if answer.success() => {}
            Ok(_) => return Ok(Login::Refused),
            Err(error) => return Err(error).context("the gateway ended the connection before it had answered the login"),
        }
        let channel = connection.channel_open_session().await?;
        channel.request_subsystem(true, "sftp").await?;
        let sftp = RawSftpSession::new(channel.into_stream());
        sftp.init().await?;
        Ok(Login::Accepted(Box::new(Session { connection, sftp })))
    }

    /// A session of a vendor that has to be let in.
    pub async fn session(&self, vendor: &Vendor) -> anyhow::Result<Box<Session>> {
        match self.log_in(vendor).await? {
            Login::Accepted(session) => Ok(session),
            Login::Refused => bail!("{} was not let in", vendor.id),
        }
    }
}

impl Session {
    /// The names in a directory, without `.` and `..`, sorted.
    pub async fn names(&self, directory: &str) -> anyhow::Result<Vec<String>> {
        let handle = self.sftp.opendir(directory).await.with_context(|| directory.to_owned())?.handle;
        let mut names = Vec::new();
        loop {
            match self.sftp.readdir(handle.as_str()).await {
                Ok(page) => names.extend(page.files.into_iter().map(|file| file.filename)),
                Err(SftpError::Status(status)) if status.status_code == StatusCode::Eof => break,
                Err(error) => return Err(error).with_context(|| directory.to_owned()),
            }
        }
        self.sftp.close(handle).await?;
        names.retain(|name| name != "." && name != "..");
        names.sort();
        Ok(names)
    }

    /// The whole file.
    pub async fn pull(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let pull = self.begin(path).await.with_context(|| path.to_owned())?;
        let mut bytes = Vec::new();
        while let Some(more) = pull.read(bytes.len() as u64, READ).await.with_context(|| path.to_owned())? {
            bytes.extend_from_slice(&more);
        }
        self.sftp.close(pull.handle).await?;
        Ok(bytes)
    }

    /// A pull that its caller leads.
    pub async fn begin(&self, path: &str) -> Result<Pull<'_>, SftpError> {
        let opened = self.sftp.open(path, OpenFlags::READ, FileAttributes::empty()).await?;
        Ok(Pull { sftp: &self.sftp, handle: opened.handle })
    }

    /// Whether no file of that name exists for this vendor.
    pub async fn is_nowhere(&self, path: &str) -> bool {
        matches!(self.begin(path).await, Err(SftpError::Status(status)) if status.status_code == StatusCode::NoSuchFile)
    }

    /// Waits until the connection is gone.
    pub async fn until_cut(&self) -> anyhow::Result<()> {
        let gone = async {
            while !self.connection.is_closed() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(NOTICED, gone).await.context("the connection still stands")
    }
}

pub struct Pull<'s> {
    sftp: &'s RawSftpSession,
    handle: String,
}

impl Pull<'_> {
    /// Bytes from `offset` on, at most `most`; nothing at the end of the file.
    pub async fn read(&self, offset: u64, most: u32) -> Result<Option<Vec<u8>>, SftpError> {
        match self.sftp.read(self.handle.as_str(), offset, most).await {
            Ok(data) => Ok(Some(data.data)),
            Err(SftpError::Status(status)) if status.status_code == StatusCode::Eof => Ok(None),
            Err(error) => Err(error),
        }
    }
}
