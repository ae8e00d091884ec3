package import FederationCore

/// One thing wrong with a configuration: where, and what.
package struct ConfigProblem: Error, Hashable, Sendable {
    package var at: Mark
    /// What it is about; empty where it is the whole text.
    package var path: ConfigPath
    package var reason: Reason

    package init(at: Mark, path: ConfigPath, reason: Reason) {
        self.at = at
        self.path = path
        self.reason = reason
    }

    /// The facts of what is wrong; `text` has the words.
    package enum Reason: Error, Hashable, Sendable {
        // The text
        case notUTF8
        case controlCharacter(UInt32)
        case tab
        /// What libyaml says, and what it was reading since where.
        case syntax(String, context: String?, from: Mark?)
        case tooLong(limit: Int)
        case tooDeep(limit: Int)
        case tooManyValues(limit: Int)
        case emptyDocument
        case severalDocuments
        case alias
        case anchor
        case tag

        // Keys
        case keyIsNotText
        case duplicateKey(String, first: Mark)
        case missingKey(String)
        case unknownKey(String, known: [String])

        // Values
        case wrongKind(expected: YAMLNode.Kind, found: YAMLNode.Kind)
        case notAName(String)
        case notADuration(String)
        case durationWithoutUnit(String)
        case durationOutOfRange(ClosedRange<Duration>)
        case notASize(String)
        case sizeWithoutUnit(String)
        case sizeOutOfRange(ClosedRange<ByteCount>)
        case notAnInteger(String)
        case integerOutOfRange(ClosedRange<Int>)
        case notOneOf([String], found: String)
        case notAPath(String)
        case notACredential(String)
        case notAHost(String)
        case notAnIdentity(String)
        case notAPublicKey(String)
        case notAnAddress(String)
        case notAnAddressRange(String)
        case notAPin(String)
        case notAnArgument
        case notAVariable(String)
        case secretVariable(String)
        case listen(ListenAddress.Fault, found: String)
        case endpoint(Endpoint.Fault, found: String)

        // What fits each for itself, but not together
        case peerNamedLikeUs(String)
        case duplicatePeer(String, first: Mark)
        case duplicateEndpoint(String, first: Mark)
        case tooManyPeers(limit: Int)
        case needsBeside(String)
        case duplicateReplayer(String, first: Mark)
        case duplicateDirectory(String, first: Mark)
        case tooManyReplayers(limit: Int)

        // What would leave a door open that nobody meant to
        case openWithoutTLS(ListenAddress)
        case monitorInClear(ListenAddress)
        case openWithoutKey(ListenAddress)
        case openWithoutName(ListenAddress)
        case keyInClear
        case pageWithoutTLS(ListenAddress)
        case pageWithoutKey

        // What has a name already, and no code yet
        case wireNotBuilt(WireName, built: [WireName])
        /// A peer without an endpoint, on a wire on which nobody pushes.
        case wireCannotPush(WireName)
    }

    /// `4:11: peers[0].interval: expected a duration such as 30s or 5m`, behind the file's name and a colon.
    package func line(in file: String) -> String {
        ConfigProblem.line(in: file, at: at, path: path, text: reason.text)
    }

    /// The same shape for what only another part of the program can find wrong with a value.
    package static func line(in file: String, at: Mark, path: ConfigPath, text: String) -> String {
        let place = "\(file.escapedForTerminal(limit: 4096)):\(at): "
        return place + (path.parts.isEmpty ? text : "\(path): \(text)")
    }
}

extension ConfigProblem: CustomStringConvertible {
    package var description: String { path.parts.isEmpty ? "\(at): \(reason.text)" : "\(at): \(path): \(reason.text)" }
}

extension String {
    /// As messages echo it: escaped, and cut where it is long.
    var shown: String { escapedForTerminal(limit: 60) }
}
