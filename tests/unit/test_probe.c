/* SPDX-License-Identifier: MIT
 *
 * The probe guest of KVM: signals that end KVM_RUN early, as when a process is stopped and goes on,
 * do not make a good host look bad.  And the signal itself.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "engine/kvm/kvm_private.h"

static atomic_bool done;
static atomic_uint pause_us;

/* Less and less often during a probe, so that on a slow host, too, it comes to an end. */
static void *disturb(void *context)
{
    const pthread_t *probing = context;
    while (!atomic_load(&done)) {
        pthread_kill(*probing, KVM_KICK_SIGNAL);
        usleep(atomic_fetch_add(&pause_us, 20));
    }
    return NULL;
}

Test(kvm_probe, signals_in_between_do_not_matter, .timeout = 300)
{
    struct engine_capability capability;
    if (engine_kvm.probe(&capability) != 0)
        cr_skip_test("no KVM: %s", capability.reason);
    kvm_install_kick_handler();
    pthread_t self = pthread_self(), other;
    cr_assert_eq(pthread_create(&other, NULL, disturb, &self), 0);
    for (int i = 0; i < 50; i++) {
        atomic_store(&pause_us, 20);
        int failed = engine_kvm.probe(&capability);
        cr_expect_eq(failed, 0, "probe %d: %s", i, capability.reason);
    }
    atomic_store(&done, true);
    pthread_join(other, NULL);
}

/* Signals that wait take room in a queue that all processes of a user share. */
Test(kvm_kick, waits_once_however_often_it_is_sent)
{
    const struct timespec now = { 0 };
    sigset_t kick;
    sigemptyset(&kick);
    sigaddset(&kick, KVM_KICK_SIGNAL);
    kvm_install_kick_handler();
    pthread_sigmask(SIG_BLOCK, &kick, NULL);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(pthread_kill(pthread_self(), KVM_KICK_SIGNAL), 0);
    cr_expect_eq(sigtimedwait(&kick, NULL, &now), KVM_KICK_SIGNAL);
    cr_expect_eq(sigtimedwait(&kick, NULL, &now), -1, "a second one waited");
}
