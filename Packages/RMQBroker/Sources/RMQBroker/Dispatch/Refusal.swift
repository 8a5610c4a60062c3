import RMQRemoting

/// A request that ends with this code and remark instead of what was asked for.
struct Refusal: Error {
    let code: ResponseCode
    let remark: String

    init(_ code: ResponseCode, _ remark: String) {
        self.code = code
        self.remark = remark
    }
}
