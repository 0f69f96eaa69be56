const said = document.getElementById("live");
const source = new EventSource(location.pathname.replace(/\/$/, "") + "/live" + location.search);
source.onopen = () => { said.textContent = "live"; };
source.onerror = () => {
  said.textContent = source.readyState === EventSource.CLOSED ? "not live: reload this page" : "connection lost, trying again";
};
source.onmessage = (event) => {
  for (const [id, html] of Object.entries(JSON.parse(event.data))) {
    const place = document.getElementById(id);
    if (place) place.innerHTML = html;
  }
};
