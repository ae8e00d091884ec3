internal import FederationCore

/// How a part of a bundle stands to the place up to which its node's log was read here, by bundles or by a wire.
enum BundlePlace: Hashable, Sendable {
    /// It goes on from there: the place becomes its end.
    case leads
    /// It ends before that, or is of a log that another has followed.
    case known
    /// Events of its node may lie between, which are not here.
    case apart

    /// When it was made, beside the latest of its node that was taken in to its end.
    enum Age: Hashable, Sendable { case older, same, later }

    /// - Parameters:
    ///   - from: the position that it follows, in the log of the node that made it.
    ///   - to: the position of its end there.
    ///   - read: up to where the log was read; `nil` before it was.
    init(from: String, to: String, read: String?, age: Age) {
        let isWhole = from == Bundle.beginning
        if NativePush.text(read) == from {
            self = .leads
        } else if let place = read.flatMap({ NativePosition($0) }), let end = NativePosition(to), place.epoch == end.epoch {
            // Both are places of one order, and so is `from`, whichever epoch it names.
            let begins = NativePosition(from).map { $0.seq <= place.seq } ?? isWhole
            self = end.seq <= place.seq ? .known : begins ? .leads : .apart
        } else if isWhole {
            // Its node does not know the place, or was not asked for it: it is read anew, as after a 409.
            self = age == .later ? .leads : .known
        } else {
            self = age == .older && read != nil ? .known : .apart
        }
    }
}
