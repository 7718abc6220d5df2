// What the paths of control groups tell. The paths are those of real hosts, with ids of our own.
#include "model/workload.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pipetrace {
namespace {

// Stand-ins in the paths below: A, B and C for containers' ids, U for a pod's UID and V for the same as a
// slice has it, S for a static pod's.
constexpr const char* kA = "3f2a9c61d07b45e8a1c2b3d4e5f60718293a4b5c6d7e8f901234567890abcdef";
constexpr const char* kB = "b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184";
constexpr const char* kC = "0ba8ac17e4e7a31fb82279503552fe94e64bab4745bf6fd2ff231e7c8ca8bed0";
constexpr const char* kPod = "2fc932ce-fdcc-454b-97bd-aadfdeb4c340";
constexpr const char* kStaticPod = "187bff14cccb94f179e943eacce55bb3";

std::string filled(std::string text) {
    const std::pair<std::string, std::string> stand_ins[] = {{"{A}", kA},
                                                             {"{B}", kB},
                                                             {"{C}", kC},
                                                             {"{U}", kPod},
                                                             {"{V}", "2fc932ce_fdcc_454b_97bd_aadfdeb4c340"},
                                                             {"{S}", kStaticPod}};
    for (const auto& [name, value] : stand_ins)
        for (auto at = text.find(name); at != std::string::npos; at = text.find(name))
            text.replace(at, name.size(), value);
    return text;
}

/// "container A by docker in B, pod U, unit X, user unit Y": what is known, in words.
std::string told(std::string_view path) {
    const Workload found = workload_of_cgroup(path);
    std::string text;
    const auto add = [&](const std::string& words, const std::optional<std::string>& value) {
        if (value) text += (text.empty() ? "" : ", ") + words + " " + *value;
    };
    add("container", found.container);
    if (found.runtime) text += std::string(" by ") + container_runtime_name(*found.runtime);
    if (found.outer_container) text += " in " + *found.outer_container;
    add("pod", found.pod_uid);
    add("unit", found.unit);
    add("user unit", found.user_unit);
    return text;
}

struct Case {
    const char* path;
    const char* told;
};

void expect_told(const std::vector<Case>& cases) {
    for (const Case& one : cases) EXPECT_EQ(told(filled(one.path)), filled(one.told)) << one.path;
}

TEST(Workload, Docker) {
    expect_told({
        {"/docker/{A}", "container {A} by docker"},
        {"/docker/{A}/init", "container {A} by docker"},
        {"/system.slice/docker-{A}.scope", "container {A} by docker, unit docker-{A}.scope"},
        {"/batch.slice/docker-{A}.scope", "container {A} by docker, unit docker-{A}.scope"},
        {"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{A}.scope",
         "container {A} by docker, unit user@1000.service, user unit docker-{A}.scope"},
        {"/actions_job/{A}", "container {A} by docker"},
        {"/ecs/bf1ddbfbbc8f45c9b1ac4f779368741e/{A}", "container {A} by docker"},
        {"/ecstasks.slice/ecstasks-bf1ddbfbbc8f45c9b1ac4f779368741e.slice/docker-{A}.scope",
         "container {A} by docker, unit docker-{A}.scope"},
        {"/docker/buildkit/h3hd7w1gq2pglizlxdjqgefzo", ""},
        {"/system.slice/docker.service", "unit docker.service"},
    });
}

TEST(Workload, KubernetesWithContainerd) {
    expect_told({
        {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{V}.slice/cri-containerd-{A}.scope",
         "container {A} by containerd, pod {U}, unit cri-containerd-{A}.scope"},
        {"/kubepods.slice/kubepods-pod{V}.slice/cri-containerd-{A}.scope",
         "container {A} by containerd, pod {U}, unit cri-containerd-{A}.scope"},
        {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{S}.slice/cri-containerd-{A}.scope",
         "container {A} by containerd, pod {S}, unit cri-containerd-{A}.scope"},
        {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{V}.slice/docker-{A}.scope",
         "container {A} by docker, pod {U}, unit docker-{A}.scope"},
        {"/kubepods/burstable/pod{U}/{A}", "container {A}, pod {U}"},
        {"/kubepods/pod{U}/{A}", "container {A}, pod {U}"},
        {"/kubepods/besteffort/pod{S}/{A}", "container {A}, pod {S}"},
        {"/kubelet/kubepods/besteffort/pod{U}/{A}", "container {A}, pod {U}"},
        {"/kubepods/besteffort/pod{U}", "pod {U}"},
        {"/system.slice/containerd.service/kubepods-burstable-pod{V}.slice:cri-containerd:{A}",
         "container {A} by containerd, pod {U}, unit containerd.service"},
        {"/kubepods-besteffort-pod{V}.slice:cri-containerd:{A}", "container {A} by containerd, pod {U}"},
        {"/system.slice/kubelet.service", "unit kubelet.service"},
        {"/default/{A}", "container {A} by containerd"},
        {"/k8s.io/{A}", "container {A} by containerd"},
        {"/system.slice/nerdctl-{A}.scope", "container {A} by containerd, unit nerdctl-{A}.scope"},
        {"/system.slice/system-getty.slice/cri-containerd-{A}.scope",
         "container {A} by containerd, unit cri-containerd-{A}.scope"},
    });
}

TEST(Workload, KubernetesWithCrio) {
    expect_told({
        {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{V}.slice/crio-{A}.scope",
         "container {A} by cri-o, pod {U}, unit crio-{A}.scope"},
        {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{V}.slice/crio-{A}.scope/"
         "container",
         "container {A} by cri-o, pod {U}, unit crio-{A}.scope"},
        {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{V}.slice/crio-conmon-{A}.scope",
         "pod {U}, unit crio-conmon-{A}.scope"},
        {"/system.slice/crio-conmon-{A}.scope", "unit crio-conmon-{A}.scope"},
        {"/kubepods/burstable/pod{U}/crio-{A}", "container {A} by cri-o, pod {U}"},
        {"/kubepods/burstable/pod{U}/crio-conmon-{A}", "pod {U}"},
    });
}

TEST(Workload, Podman) {
    const std::string manager = "/user.slice/user-1000.slice/user@1000.service";
    expect_told({
        {"/machine.slice/libpod-{A}.scope", "container {A} by podman, unit libpod-{A}.scope"},
        {"/machine.slice/libpod-{A}.scope/container", "container {A} by podman, unit libpod-{A}.scope"},
        {"/machine.slice/libpod-{A}.scope/container/system.slice/nginx.service",
         "container {A} by podman, unit libpod-{A}.scope"},
        {"/machine.slice/libpod-conmon-{A}.scope", "unit libpod-conmon-{A}.scope"},
        {"/machine.slice/machine-libpod_pod_{B}.slice/libpod-{A}.scope/container",
         "container {A} by podman, unit libpod-{A}.scope"},
        {"/libpod_parent/libpod-{A}", "container {A} by podman"},
        {"/libpod_parent/{B}/libpod-{A}", "container {A} by podman"},
        {"/libpod_parent/conmon", ""},
        {"/libpod_parent/libpod-conmon-{A}", ""},
        {"/system.slice/web.service/libpod-payload-{A}", "container {A} by podman, unit web.service"},
        {"/system.slice/web.service/runtime", "unit web.service"},
        {(manager + "/user.slice/libpod-{A}.scope/container").c_str(),
         "container {A} by podman, unit user@1000.service, user unit libpod-{A}.scope"},
        {(manager + "/user.slice/libpod-conmon-{A}.scope").c_str(),
         "unit user@1000.service, user unit libpod-conmon-{A}.scope"},
        {(manager + "/app.slice/web.service/libpod-payload-{A}").c_str(),
         "container {A} by podman, unit user@1000.service, user unit web.service"},
        {(manager + "/user.slice/podman-6696.scope").c_str(),
         "unit user@1000.service, user unit podman-6696.scope"},
    });
}

TEST(Workload, LxcAndNspawn) {
    expect_told({
        {"/lxc.payload.web-1/system.slice/nginx.service", "container web-1 by lxc"},
        {"/lxc.payload/web/init.scope", "container web by lxc"},
        {"/lxc/101/ns/system.slice/cron.service", "container 101 by lxc"},
        {"/lxc.monitor.web-1", ""},
        {"/lxc.monitor/web", ""},
        {"/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope/lxc.payload.web",
         "container web by lxc, unit user@1000.service, user unit run-r1.scope"},
        {"/machine.slice/systemd-nspawn@web\\x2d1.service/payload/system.slice/nginx.service",
         "container web-1 by systemd-nspawn, unit systemd-nspawn@web\\x2d1.service"},
        {"/machine.slice/systemd-nspawn@web.service/supervisor", "unit systemd-nspawn@web.service"},
        {"/machine.slice/machine-web.scope/payload",
         "container web by systemd-nspawn, unit machine-web.scope"},
        {"/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator",
         "unit machine-qemu\\x2d1\\x2dvm.scope"},
    });
}

TEST(Workload, InsideOfAnother) {
    expect_told({
        {"/docker/{A}/docker/{B}", "container {B} by docker in {A}"},
        {"/docker/{A}/docker/{B}/docker/{C}", "container {C} by docker in {A}"},
        {"/system.slice/docker-{A}.scope/docker/{B}",
         "container {B} by docker in {A}, unit docker-{A}.scope"},
        {"/docker/{A}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
         "kubelet-kubepods-burstable-pod{V}.slice/cri-containerd-{B}.scope",
         "container {B} by containerd in {A}, pod {U}"},
        {"/docker/{A}/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{V}.slice/"
         "crio-{B}.scope",
         "container {B} by cri-o in {A}, pod {U}"},
        {"/docker/{A}/kubelet/kubepods/besteffort/pod{U}/{B}", "container {B} in {A}, pod {U}"},
        {"/docker/{A}/system.slice/kubelet.service", "container {A} by docker"},
        {"/kubepods/burstable/pod{U}/{A}/docker/{B}", "container {B} by docker in {A}, pod {U}"},
        {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope/container/kubelet.slice/"
         "kubelet-kubepods.slice/kubelet-kubepods-pod{V}.slice/cri-containerd-{B}.scope",
         "container {B} by containerd in {A}, pod {U}, unit user@1000.service, user unit libpod-{A}.scope"},
        {"/lxc.payload.web/docker/{A}", "container {A} by docker in web"},
        {"/lxc/101/ns/docker/{A}", "container {A} by docker in 101"},
    });
}

TEST(Workload, UnitsOfSystemd) {
    expect_told({
        {"/system.slice/nginx.service", "unit nginx.service"},
        {"/system.slice/nginx.service/worker", "unit nginx.service"},
        {"/init.scope", "unit init.scope"},
        {"/system.slice/system-postgresql.slice/postgresql@15-main.service",
         "unit postgresql@15-main.service"},
        {"/system.slice/system-foo\\x2dbar.slice/foo\\x2dbar@a\\x2db.service",
         "unit foo\\x2dbar@a\\x2db.service"},
        {"/system.slice/_cpu.service", "unit cpu.service"},
        {"/user.slice/user-1000.slice/session-3.scope", "unit session-3.scope"},
        {"/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/"
         "vte-spawn-1.scope",
         "unit user@1000.service, user unit vte-spawn-1.scope"},
        {"/user.slice/user-1000.slice/user@1000.service/init.scope",
         "unit user@1000.service, user unit init.scope"},
        {"/system.slice", ""},
        {"/", ""},
        {"", ""},
    });
}

TEST(Workload, SeenFromANamespace) {
    // The reader is in a container: what lies above is not known, and neither is whose unit it is.
    expect_told({
        {"/../docker-{A}.scope", "container {A} by docker"},
        {"/../../system.slice/docker-{A}.scope", "container {A} by docker"},
        {"/../{A}", ""},
        {"/../../../kubepods-burstable.slice/kubepods-burstable-pod{V}.slice/cri-containerd-{A}.scope",
         "container {A} by containerd, pod {U}"},
        {"/../../kubepods-burstable-pod{V}.slice/cri-containerd-{A}.scope",
         "container {A} by containerd, pod {U}"},
        {"/../../pod{U}/{A}", "container {A}, pod {U}"},
        {"/../../../../system.slice/nginx.service", ""},
        {"/../nginx.service", ""},
    });
}

TEST(Workload, NamesThatOnlyLookAlike) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"/{A}", ""},
        {"/jobs/{A}", ""},
        {"/docker/{A}0", ""},
        {std::string("/docker/") + std::string(kA).substr(1), ""},
        {std::string("/docker/F") + std::string(kA).substr(1), ""},
        {"/docker/{A}.scope", ""},
        {"/my/docker/{A}", ""},
        {"docker/{A}", ""},
        {"/docker-{A}", ""},
        {"/xdocker-{A}.scope", "unit xdocker-{A}.scope"},
        {"/system.slice/docker-{A}.scope.service", "unit docker-{A}.scope.service"},
        {"/system.slice/docker-{A}{B}.scope", "unit docker-{A}{B}.scope"},
        // A service that may make groups below its own: systemd puts no scope there.
        {"/system.slice/web.service/docker-{A}.scope", "unit web.service"},
        {"/system.slice/web.service/system.slice/docker-{A}.scope", "unit web.service"},
        {"/system.slice/web.service/docker/{A}", "unit web.service"},
        {"/system.slice/web.service/libpod-payload-{A}x", "unit web.service"},
        {"/web/libpod-payload-{A}", ""},
        {"/web/lxc/101", ""},
        {"/lxc/..", ""},
        {"/lxc.payload.", ""},
        {"/lxc.payload.a b", ""},
        {"/machine.slice/machine-web.scope/payload2", "unit machine-web.scope"},
        {"/x/machine-web.scope/payload", ""},
    };
    for (const auto& [path, expected] : cases) EXPECT_EQ(told(filled(path)), filled(expected)) << path;
}

TEST(Workload, PodsThatOnlyLookAlike) {
    const std::string manager = "/user.slice/user-1000.slice/user@1000.service";
    const std::string users = "unit user@1000.service";
    const std::vector<std::pair<std::string, std::string>> cases = {
        // By who is no kubelet, or in no pod's form.
        {"/kubepods.slice/kubepods-besteffort.slice/kubepods-burstable-pod{V}.slice/x", ""},
        {"/system.slice/kubepods-burstable-pod{V}.slice/x", ""},
        {"/notkubepods.slice/notkubepods-pod{V}.slice", ""},
        {"/kubepods.slice/kubepods-pod{U}.slice", ""},
        {"/kubepods/burstable/pod{V}/{A}", ""},
        {"/kubepods/burstable/pod{U}x/{A}", ""},
        {"/kubepods/other/pod{U}/{A}", ""},
        {"/x/kubepods/burstable/pod{U}/{A}", ""},
        {"/kubepods/burstable/pod{U}/x/{A}", "pod {U}"},
        // What a user may make below his own systemd.
        {manager + "/kubepods.slice/kubepods-pod{V}.slice/cri-containerd-{A}.scope",
         users + ", user unit cri-containerd-{A}.scope"},
        {manager + "/user.slice/crio-{A}.scope", users + ", user unit crio-{A}.scope"},
        {manager + "/kubepods/burstable/pod{U}/{A}", users},
        {manager + "/docker/{A}", users},
        {manager + "/user.slice/x/docker-{A}.scope", users},
        {manager + "/kubepods-pod{V}.slice:cri-containerd:{A}", users},
    };
    for (const auto& [path, expected] : cases) EXPECT_EQ(told(filled(path)), filled(expected)) << path;
}

TEST(Workload, UnitsThatOnlyLookAlike) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"/system.slice/@.service", ""},
        {"/system.slice/foo@.service", ""},
        {"/system.slice/.service", ""},
        {"/system.slice/a b.service", ""},
        {"/system.slice/a\nb.service", ""},
        {"/system.slice/\xff.service", ""},
        {"/system.slice/" + std::string(300, 'a') + ".service", ""},
        {"/system.slice/nginx.services", ""},
        {"/user.slice/user@1000.service.d/x.service", ""},
        {"/user@x.service/app.slice/x.service", "unit user@x.service"},
        {"/" + std::string(5000, 'a') + "/docker/{A}", ""},
    };
    for (const auto& [path, expected] : cases) EXPECT_EQ(told(filled(path)), filled(expected)) << path;
}

TEST(Workload, EveryCutAndChangeOfAPathIsTaken) {
    const std::string path = filled(
        "/user.slice/user-1.slice/user@1.service/u.slice/libpod-{A}.scope/container/kubelet.slice/"
        "kubelet-kubepods.slice/kubelet-kubepods-pod{V}.slice/cri-containerd-{B}.scope");
    for (std::size_t size = 0; size < path.size(); ++size) {
        const Workload found = workload_of_cgroup(std::string_view(path).substr(0, size));
        EXPECT_TRUE(!found.container || *found.container == kA) << size;
        for (const char c : {'/', '.', '-', '\0', '0'}) {
            std::string changed = path;
            changed[size] = c;
            const Workload other = workload_of_cgroup(changed);
            for (const auto& id : {other.container, other.outer_container})
                EXPECT_TRUE(!id || id->size() == 64) << changed;
        }
    }
}

TEST(CgroupLines, ThePathThatTellsMost) {
    const auto chosen = [](const char* lines) { return choose_cgroup(filled(lines)); };
    EXPECT_EQ(chosen("0::/system.slice/nginx.service\n"), "/system.slice/nginx.service");
    EXPECT_EQ(chosen("12:pids:/docker/{A}\n6:hugetlb:/\n1:name=systemd:/docker/{A}\n0::/system.slice/"
                     "containerd.service\n"),
              filled("/docker/{A}"))
        << "on version 1 the engine's shim leaves its version 2 group to what it starts";
    EXPECT_EQ(chosen("5:memory:/docker/{A}\n1:name=systemd:/docker/{A}/system.slice/x.service\n0::/\n"),
              filled("/docker/{A}/system.slice/x.service"));
    EXPECT_EQ(chosen("5:memory:/docker/{A}\n1:name=systemd:/system.slice/x.service\n"),
              filled("/docker/{A}"));
    EXPECT_EQ(chosen("5:memory:/m\n1:name=systemd:/user.slice\n0::/\n"), "/user.slice");
    EXPECT_EQ(chosen("5:memory:/m\n4:cpu:/\n"), "/m");
    EXPECT_EQ(chosen("0::/\n"), "/");
    EXPECT_EQ(chosen("0::/a:b/c\n"), "/a:b/c") << "a colon may stand in a name";
    EXPECT_EQ(chosen("nonsense\n"), std::nullopt);
    EXPECT_EQ(chosen(""), std::nullopt);
}

TEST(ContainerId, IsGivenByItsBeginningOrItsName) {
    EXPECT_TRUE(is_container(kA, kA));
    EXPECT_TRUE(is_container(kA, "3f2a"));
    EXPECT_FALSE(is_container(kA, "3f2")) << "too short to be meant";
    EXPECT_FALSE(is_container(kA, "f2a9"));
    EXPECT_FALSE(is_container(kA, std::string(kA) + "0"));
    EXPECT_TRUE(is_container("web-1", "web-1"));
    EXPECT_FALSE(is_container("web-1", "web-")) << "a name is given in full";
    EXPECT_EQ(short_container_id(kA), "3f2a9c61d07b");
    EXPECT_EQ(short_container_id("web-1"), "web-1");
}

}  // namespace
}  // namespace pipetrace
