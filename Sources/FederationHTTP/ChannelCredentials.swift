package import FederationCore

/// How one peer is made sure of, and who we say we are to it, beside what its endpoint says.
package struct ChannelCredentials: Sendable {
    /// A file of certificates in PEM that vouch for the peer, in place of the system's; read at each new connection.
    package var authority: String?
    /// SHA-256 of the SubjectPublicKeyInfo (RFC 7469, 2.4) that the peer must show. Its name and its certificate are
    /// checked all the same.
    package var pin: Digest?
    /// Files with our own certificate chain and its key in PEM, for peers that ask for one.
    package var certificate: (chain: String, key: String)?
    /// Sent with every request as `Authorization: Bearer`. Over plain HTTP too: whether that is right is the
    /// configuration's affair.
    package var bearer: Secret?
    /// Connect to addresses that this lets pass, and to no other, whatever a name leads to at that moment. Such a
    /// connection is made anew, and is used for nothing else.
    package var addresses: AddressGuard?
    /// `NAME:PORT:ADDRESS`: what a name leads to, in place of what a name server says.
    package var resolved: [String] = []

    package init() {}
}
