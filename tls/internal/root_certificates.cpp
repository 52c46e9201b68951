#include <coil/tls/internal/root_certificates.hpp>

#include <openssl/pem.h>

namespace coil::tls::internal {
namespace {

x509_store_ptr new_store()
{
    x509_store_ptr store(X509_STORE_new());
    if (!store)
        throw std::bad_alloc();
    return store;
}

x509_store_ptr parse_roots()
{
    const error_queue_guard guard;
    x509_store_ptr store = new_store();
    for (std::size_t i = 0; i < root_certificate_count; ++i) {
        const bio_ptr text = read_only_bio(root_certificate_pems[i]);
        const x509_ptr root(PEM_read_bio_X509(text.get(), nullptr, passphrase_callback, nullptr));
        if (!root || X509_STORE_add_cert(store.get(), root.get()) != 1)
            throw setup_error("built-in root certificates");
    }
    return store;
}

}  // namespace

X509_STORE* shared_root_store()
{
    static const x509_store_ptr store = parse_roots();
    return store.get();
}

x509_store_ptr copy_of_root_store()
{
    x509_store_ptr copy = new_store();
    X509_STORE* const shared = shared_root_store();
    // A verification on another thread may sort the list while it searches.
    X509_STORE_lock(shared);
    bool good = true;
    STACK_OF(X509_OBJECT)* roots = X509_STORE_get0_objects(shared);
    for (int i = 0; i < sk_X509_OBJECT_num(roots); ++i)
        if (X509* root = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(roots, i)))
            good = good && X509_STORE_add_cert(copy.get(), root) == 1;
    X509_STORE_unlock(shared);
    if (!good)
        throw setup_error("copy of the built-in root certificates");
    return copy;
}

}  // namespace coil::tls::internal
