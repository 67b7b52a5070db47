// SPDX-License-Identifier: GPL-2.0-or-later
// Asks for the page again while somebody looks at it, and puts what is new in the place of what was. It says so when no answer comes.
"use strict";
(() => {
    const every = Number(document.querySelector("meta[name=refresh-every-ms]").content);
    const hiddenEvery = 30000, answerWithin = 10000, lostAfter = 2;
    let tag = null, answeredAt = Date.now(), shownAt = answeredAt, isHeld = false, failures = 0, timer = 0;

    // What a reader has opened, and where the keyboard is, stays as it was.
    const place = () => ({
        open: [...document.querySelectorAll("details[open][id]")].map(one => one.id),
        scrolled: [...document.querySelectorAll(".scroll")].map(one => [one.scrollLeft, one.scrollTop]),
        href: document.activeElement && document.activeElement.getAttribute("href"),
        details: document.activeElement && document.activeElement.tagName === "SUMMARY" ? document.activeElement.parentElement.id : null,
    });
    const putBack = was => {
        was.open.forEach(id => { const one = document.getElementById(id); if (one) one.open = true; });
        document.querySelectorAll(".scroll").forEach((one, index) => {
            if (was.scrolled[index]) [one.scrollLeft, one.scrollTop] = was.scrolled[index];
        });
        const focused = was.details ? document.getElementById(was.details)?.querySelector("summary")
            : was.href ? [...document.querySelectorAll("a")].find(one => one.getAttribute("href") === was.href) : null;
        if (focused) focused.focus({ preventScroll: true });
    };
    // What somebody marks or fills in is not taken away; how old the page gets by that is said.
    const isInUse = () => !document.getSelection().isCollapsed || ["INPUT", "BUTTON"].includes(document.activeElement?.tagName);

    const show = text => {
        const page = new DOMParser().parseFromString(text, "text/html"), main = page.querySelector("main");
        if (!main || isInUse()) return false;
        const was = place();
        document.querySelector("main").replaceWith(document.adoptNode(main));
        document.title = page.title;
        putBack(was);
        return true;
    };
    const sayAge = () => {
        const age = document.getElementById("age"), seconds = Math.floor((Date.now() - shownAt) / 1000);
        const held = isHeld ? "; what is new waits while something here is selected" : "";
        if (age) age.textContent = seconds >= 3 ? `, ${seconds} s ago${held}` : "";
    };
    const sayLost = () => {
        let alarm = document.getElementById("lost");
        if (!alarm) {
            alarm = document.createElement("p");
            alarm.id = "lost";
            alarm.className = "alarm critical";
            alarm.setAttribute("role", "alert");
            document.querySelector("main").prepend(alarm);
        }
        alarm.textContent = `The server has not answered since ${new Date(answeredAt).toLocaleTimeString()}. This page shows what was, not what is.`;
    };
    const sayFound = () => document.getElementById("lost")?.remove();

    const ask = async () => {
        clearTimeout(timer);
        try {
            const answer = await fetch(location.href, {
                headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store", signal: AbortSignal.timeout(answerWithin),
            });
            let isNew = true;
            if (answer.status !== 304) {
                const text = await answer.text();
                if (!(answer.headers.get("Content-Type") || "").startsWith("text/html")) throw new Error("no page");
                isNew = show(text);
                tag = isNew && answer.ok ? answer.headers.get("ETag") : null;
            }
            answeredAt = Date.now();
            if (isNew) shownAt = answeredAt;
            isHeld = !isNew;
            failures = 0;
            sayFound();
        } catch {
            if (++failures >= lostAfter) sayLost();
        }
        wait();
    };
    const wait = () => {
        clearTimeout(timer);
        timer = setTimeout(ask, document.hidden ? hiddenEvery : every);
    };
    document.addEventListener("visibilitychange", () => { if (document.hidden) wait(); else ask(); });
    setInterval(sayAge, 1000);
    wait();
})();
