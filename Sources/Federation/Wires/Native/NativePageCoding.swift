import FederationCore
import FederationHTTP

/// How a page of events travels: in zstd for whoever asks for it from another machine, if it is long enough to gain by it.
enum NativePageCoding {
    static func coded(_ response: HTTPResponse, for request: ServedRequest) -> HTTPResponse {
        guard response.status == 200, response.fields.mediaType == NativeRoutes.pageType else { return response }
        var response = response
        response.fields["Vary"] = "Accept-Encoding, \(NativeField.host)"
        guard response.body.count >= Limits.zstdLeastBytes, !HostMark.isHere(request.fields),
            AcceptedCodings(request.fields["Accept-Encoding"]).includesZstd,
            let frame = Zstd.compress(response.body), frame.count < response.body.count
        else { return response }
        response.fields["Content-Encoding"] = Zstd.name
        response.body = frame
        return response
    }
}
